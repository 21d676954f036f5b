#include "api/wire_formats.hpp"

namespace corral::api {

const std::vector<const wire_format*>& all_wire_formats() {
    static const std::vector<const wire_format*> all{&ollama::descriptor, &anthropic::descriptor,
                                                     &openai::descriptor, &box::descriptor};
    return all;
}

const wire_format& format_of(std::string_view path) {
    const wire_format* best = all_wire_formats().front();
    std::size_t longest = 0;
    for (const wire_format* format : all_wire_formats()) {
        for (const std::string_view beginning : format->paths) {
            if (path.starts_with(beginning) && beginning.size() > longest) {
                best = format;
                longest = beginning.size();
            }
        }
    }
    return *best;
}

}  // namespace corral::api

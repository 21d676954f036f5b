#include "api/wire_formats.hpp"

namespace corral::api {

const std::vector<const wire_format*>& all_wire_formats() {
    static const std::vector<const wire_format*> all{&ollama::descriptor};
    return all;
}

}  // namespace corral::api

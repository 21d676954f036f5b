#include "api/capability_check.hpp"

#include <algorithm>

#include "api/model_lookup.hpp"

namespace corral::api {

bool has_capability(const catalog::model_entry& entry, std::string_view wanted) {
    return std::find(entry.capabilities.begin(), entry.capabilities.end(), wanted) !=
           entry.capabilities.end();
}

void check_tools(const served_model& model, bool has_tools, decode_problem& problem) {
    if (has_tools && !has_capability(*model.entry, "tools")) {
        problem.set(long_name(model) + " does not support tools");
    }
}

void refuse_images(const served_model& model, bool has_images, decode_problem& problem) {
    if (has_images) {
        problem.set(long_name(model) + " does not support images");
    }
}

chat::thinking_mode default_thinking(const served_model& model) {
    return has_capability(*model.entry, "thinking") ? chat::thinking_mode::on
                                                    : chat::thinking_mode::model_default;
}

}  // namespace corral::api

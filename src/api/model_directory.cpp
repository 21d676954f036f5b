#include <algorithm>

#include "corral/api/generation_service.hpp"
#include "corral/catalog/model_name.hpp"

namespace corral::api {

const served_model* model_directory::find(std::string_view typed) const {
    const auto found = std::find_if(all_.begin(), all_.end(), [&](const served_model& each) {
        return catalog::same_model(each.entry->name, typed);
    });
    return found == all_.end() ? nullptr : &*found;
}

}  // namespace corral::api

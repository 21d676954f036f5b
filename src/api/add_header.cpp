#include "api/add_header.hpp"

#include <string>

namespace corral::api {

void add_header(http::header_fields& fields, std::string_view name, std::string_view value) {
    fields.add(std::string(name), std::string(value));
}

}  // namespace corral::api

#include "api/box/query_parameter.hpp"

#include <boost/url/parse_query.hpp>

namespace corral::api::box {

std::string query_parameter(std::string_view query, std::string_view name) {
    constexpr std::size_t longest = 512;
    const auto parsed = boost::urls::parse_query(query);
    if (!parsed) {
        return {};
    }
    boost::urls::encoding_opts how;
    how.space_as_plus = true;
    for (const auto& each : *parsed) {
        if (each.key.decode(how) == name && each.has_value && each.value.size() <= longest) {
            return each.value.decode(how);
        }
    }
    return {};
}

}  // namespace corral::api::box

#include "api/json/json_input.hpp"

#include "api/json/json_scanner.hpp"

namespace corral::api {

core::result<nlohmann::ordered_json> read_json(std::string_view body, const json_limits& limits) {
    json_scanner scanner(body, limits);
    core::result<std::string> mended = scanner.scan();
    if (!mended) {
        return mended.error();
    }
    auto tree = nlohmann::ordered_json::parse(*mended, nullptr, false);
    if (tree.is_discarded()) {
        // The scanner has accepted the grammar, so what is left is a number beyond a double's range.
        return core::make_failure(core::errc::invalid, "json: a number in the request is out of range");
    }
    return tree;
}

}  // namespace corral::api

#include "corral/http/message.hpp"

#include <boost/beast/core/string.hpp>

namespace corral::http {

void header_fields::set(std::string name, std::string value) {
    for (auto& [key, old] : all_) {
        if (boost::beast::iequals(key, name)) {
            old = std::move(value);
            return;
        }
    }
    add(std::move(name), std::move(value));
}

std::string_view header_fields::find(std::string_view name) const noexcept {
    for (const auto& [key, value] : all_) {
        if (boost::beast::iequals(key, name)) {
            return value;
        }
    }
    return {};
}

bool header_fields::contains(std::string_view name) const noexcept {
    for (const auto& field : all_) {
        if (boost::beast::iequals(field.first, name)) {
            return true;
        }
    }
    return false;
}

bool is_local(const request& one) {
    return !one.relayed && one.peer.address().is_loopback();
}

}  // namespace corral::http

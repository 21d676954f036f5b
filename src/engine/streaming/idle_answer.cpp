#include "engine/streaming/idle_answer.hpp"

#include <algorithm>
#include <charconv>
#include <string>

#include <nlohmann/json.hpp>

#include "corral/core/json.hpp"
namespace corral::engine::streaming {

namespace {

using nlohmann::json;

const json* member_of(const json& in, std::string_view name) {
    if (in.is_object()) {
        const auto found = in.find(std::string(name));
        return found == in.end() ? nullptr : &*found;
    }
    std::size_t index = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), index);
    const bool number = error == std::errc{} && end == name.data() + name.size();
    return in.is_array() && number && index < in.size() ? &in[index] : nullptr;
}

// `path` is empty or begins with '/'.
bool holds(const json& in, std::string_view path, const json& wanted) {
    if (path.empty()) {
        return in == wanted;
    }
    path.remove_prefix(1);
    const std::size_t slash = path.find('/');
    const std::string_view name = path.substr(0, slash);
    const std::string_view rest = slash == std::string_view::npos ? std::string_view() : path.substr(slash);
    if (name == "*") {
        return in.is_array() && std::all_of(in.begin(), in.end(),
                                            [&](const json& object) { return holds(object, rest, wanted); });
    }
    const json* const next = member_of(in, name);
    return next != nullptr && holds(*next, rest, wanted);
}

}  // namespace

bool says_idle(const catalog::idle_probe& probe, std::string_view body) {
    const json answer = core::parse_json(body);
    const json wanted = json::parse(probe.value, nullptr, false);
    return !answer.is_discarded() && !wanted.is_discarded() && holds(answer, probe.pointer, wanted);
}

}  // namespace corral::engine::streaming

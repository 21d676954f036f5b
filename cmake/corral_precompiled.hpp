#pragma once
// Heavy headers that nearly every unit needs; see CorralTargets.cmake.

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include <spdlog/spdlog.h>
#include <boost/asio.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/system/result.hpp>
#include <nlohmann/json.hpp>

#define CORRAL_TEMPLATE extern template
#include "common_templates.hpp"

#ifdef __clang__
// Under Clang the declarations above leave inline members to each unit that uses them. Those most used, never called:
inline void corral_precompiled_members(nlohmann::json& json, nlohmann::ordered_json& ordered,
                                       boost::asio::io_context& loop) {
    const nlohmann::json one(json);
    const nlohmann::ordered_json other(ordered);
    json = {{"value", one}, {"number", 1}, {"flag", true}, {"text", std::string()}};
    ordered = {{"value", other}, {"number", 1}, {"flag", true}, {"text", std::string()}};
    json["text"] = std::string_view();
    ordered["text"] = std::string_view();
    json.push_back(std::move(json));
    ordered.push_back(std::move(ordered));
    static_cast<void>(one == json && other == ordered && one.contains("text") && other.contains("text"));
    static_cast<void>(one.dump() + other.dump());
    const boost::asio::any_io_executor on(loop.get_executor());
}
#endif

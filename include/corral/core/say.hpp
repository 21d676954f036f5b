#pragma once
// say("runtime.remote/unreachable", url, why): a wording of the tables with its values. The compiler looks it up, and
// refuses a key of no wording and values that don't fit its places.

#include <array>
#include <filesystem>
#include <span>
#include <string>
#include <system_error>
#include <type_traits>

#include "corral/core/messages/command.hpp"
#include "corral/core/messages/configuration.hpp"
#include "corral/core/messages/fleet.hpp"
#include "corral/core/messages/form.hpp"
#include "corral/core/messages/import.hpp"
#include "corral/core/messages/model.hpp"
#include "corral/core/messages/operation.hpp"
#include "corral/core/messages/package.hpp"
#include "corral/core/messages/pull.hpp"
#include "corral/core/messages/request.hpp"
#include "corral/core/messages/runtime.hpp"
#include "corral/core/messages/service.hpp"
#include "corral/core/messages/state.hpp"
#include "corral/core/result.hpp"

namespace corral::core {

// In the order of the page.
struct message_group {
    std::string_view title;
    std::span<const message> messages;
    bool of_requests = false;  // how they fail: its wordings may have an outcome
};
inline constexpr std::array message_groups{
    message_group{"What clients are told", messages::request_table, true},
    message_group{"Requests that can't be read", messages::form_table, true},
    message_group{"Why a model waits, or does not fit", messages::model_table, true},
    message_group{"Findings in a package", messages::finding_table},
    message_group{"Findings of an import", messages::import_table},
    message_group{"Reasons of services and cards", messages::service_table},
    message_group{"Starts, programs and processes", messages::state_table},
    message_group{"Between Corral and a runtime", messages::runtime_table, true},
    message_group{"Mistakes in a configuration", messages::configuration_table},
    message_group{"The command line and a start", messages::command_table},
    message_group{"Packages that are fetched", messages::pull_table},
    message_group{"Many boxes", messages::fleet_table},
    message_group{"The admin socket, upgrades and Corral itself", messages::operation_table}};

// "runtime.remote/unreachable"; without a key of its own, the one wording that has none. Without `of`: there is none.
[[nodiscard]] constexpr wording find_wording(std::string_view name) {
    const std::size_t bar = name.find('/');
    const std::string_view id = name.substr(0, bar);
    const std::string_view wanted = bar == std::string_view::npos ? std::string_view() : name.substr(bar + 1);
    for (const message_group& group : message_groups) {
        for (const message& each : group.messages) {
            if (each.id.size() != id.size() || each.id != id) {
                continue;
            }
            std::string_view rest = each.text;
            while (!rest.empty()) {
                const wording found = next_wording(rest, &each);
                if (found.key == wanted) {
                    return found;
                }
            }
        }
    }
    return {};
}

template <typename Value>
inline constexpr bool is_number =
    std::is_integral_v<Value> && !std::is_same_v<Value, bool> && !std::is_same_v<Value, char>;

template <typename... Values>
class known_wording {
public:
    // Not a constant expression, and so an error: there is no such wording, or the values don't fit its places.
    consteval known_wording(const char* name) : says_(find_wording(name)) {
        constexpr std::array<bool, sizeof...(Values) + 1> numbers{is_number<Values>..., false};
        std::size_t count = 0;
        walk_wording(
            says_.text, [](std::string_view) {},
            [&](std::string_view place) {
                if (is_value(place) &&
                    (count >= sizeof...(Values) || numbers.at(count++) != place.ends_with(":d}"))) {
                    says_ = {};
                }
            });
        if (says_.text.empty() ||
            count != sizeof...(Values)) {  // UBSan keeps GCC 12 from comparing `of` here
            throw "no such wording, or other values than it has places for";
        }
    }
    [[nodiscard]] constexpr wording says() const noexcept { return says_; }

private:
    wording says_;
};

// What failures are called whose wording says so: "runtime-stuck". A name of none is an error of the compiler.
class known_outcome {
public:
    // Letter by letter, for a compiler takes only so many steps; those of a library cost several each.
    consteval known_outcome(const char* name) : name_(name) {
        for (const message_group& group : message_groups) {
            for (const message& each : group.of_requests ? group.messages : std::span<const message>()) {
                const char* const end = each.text.data() + each.text.size();
                for (const char* at = each.text.data(); at != end; ++at) {
                    if ((*at == '=' || *at == '~') && is_named(at + 1, end)) {
                        return;
                    }
                }
            }
        }
        throw "no wording has such an outcome";
    }
    [[nodiscard]] constexpr std::string_view name() const noexcept { return name_; }

private:
    [[nodiscard]] consteval bool is_named(const char* from, const char* end) const {
        for (const char letter : name_) {
            if (from == end || *from++ != letter) {
                return false;
            }
        }
        return from != end && *from == '|';
    }

    std::string_view name_;
};

template <typename Value>
[[nodiscard]] reason wording_value(const Value& value) {
    if constexpr (is_number<Value>) {
        return reason::unlisted(std::to_string(value));
    } else if constexpr (std::is_same_v<Value, failure>) {
        return value.message;
    } else if constexpr (std::is_convertible_v<Value, const std::error_code&> ||
                         std::is_same_v<Value, error_code>) {
        return reason::unlisted(value.message());
    } else if constexpr (std::is_same_v<Value, std::filesystem::path>) {
        return reason::unlisted(value.string());
    } else if constexpr (std::is_same_v<Value, reason>) {
        return value;
    } else {
        return reason::unlisted(std::string(value));
    }
}

template <typename... Values>
[[nodiscard]] reason say(known_wording<std::type_identity_t<std::decay_t<Values>>...> which,
                         const Values&... values) {
    return reason(which.says(), {wording_value(values)...});
}

// A failure of the system with a file, a folder or a socket: errno `value`. The wording has places for its path and why.
[[nodiscard]] inline failure path_failure(known_wording<std::string, std::string> what,
                                          const std::filesystem::path& path, int value) {
    return errno_failure(value, say(what, path.string(), boost::system::system_category().message(value)));
}

}  // namespace corral::core

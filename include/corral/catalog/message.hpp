#pragma once
// What Corral says to people, by id: what happened, what Corral does about it, what you can do. The sentences themselves are
// made where things happen; here they are explained, and a test holds each of them to the source.

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "corral/catalog/finding.hpp"

namespace corral::catalog {

enum class message_reader { client, operators };

struct message {
    std::string_view id;  // stable: "request.queue-full"; the part before the dot is what it is about
    message_reader reader = message_reader::operators;
    std::string_view text;   // as it is said; "…" stands for what differs
    std::string_view means;  // what happened, and what Corral does
    std::string_view fix;    // what you can do
};

// A finding of an examination of a package.
struct package_finding {
    std::string_view id;
    severity level = severity::error;
    std::string_view means;
};

// In the order of the page. Findings of the doctor are in its own list of checks.
[[nodiscard]] std::span<const message> request_messages();  // errors and endings of requests
[[nodiscard]] std::span<const message> model_messages();    // why a model waits, or does not fit
[[nodiscard]] std::span<const message> service_messages();  // reasons of services and starts
[[nodiscard]] std::span<const message> command_messages();  // of the command line and the configuration
[[nodiscard]] std::span<const package_finding> package_findings();

[[nodiscard]] std::vector<message> all_messages();
// By id, else by a sentence that holds all the words of `text` that don't differ; the longest of several.
[[nodiscard]] std::optional<message> find_message(std::string_view asked);

// A reason as people see it, one cause after another: {"loading again", "ended by itself", "killed by SIGSEGV",
// "The runtime crashed."}. Only joints that Corral itself makes are taken apart.
[[nodiscard]] std::vector<std::string> causes_of(std::string_view reason);

}  // namespace corral::catalog

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
    std::string_view text;   // as it is said, a line for each wording; "…" stands for what differs
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
[[nodiscard]] std::span<const message> form_messages();  // requests that are not in the form of their address
[[nodiscard]] std::span<const message> model_messages();    // why a model waits, or does not fit
[[nodiscard]] std::span<const message> service_messages();  // reasons of services and cards
[[nodiscard]] std::span<const message> state_messages();    // the same: starts, programs, processes
[[nodiscard]] std::span<const message> runtime_messages();  // what went wrong between Corral and a runtime
[[nodiscard]] std::span<const message>
configuration_messages();                                   // mistakes in files, by what is wrong with them
[[nodiscard]] std::span<const message> command_messages();  // of the command line and of a start
[[nodiscard]] std::span<const message>
operation_messages();                                    // the same: admin socket, upgrade, the daemon itself
[[nodiscard]] std::span<const message> pull_messages();  // of packages that are fetched
[[nodiscard]] std::span<const message> fleet_messages();  // of many boxes behind one address
[[nodiscard]] std::span<const package_finding> package_findings();

[[nodiscard]] std::vector<message> all_messages();
// The wordings of a message's text.
[[nodiscard]] std::vector<std::string_view> wordings_of(std::string_view text);
// By id, else by a sentence that holds all the words of a wording that don't differ: the longest of several, and of equally
// long ones that which is the whole sentence.
[[nodiscard]] std::optional<message> find_message(std::string_view asked);
// The id of what `sentence` says; "": it is in no table. Thread-safe, some 20 microseconds.
[[nodiscard]] std::string_view message_id(std::string_view sentence);
// Those of the causes of a reason, from what is seen to what led to it.
[[nodiscard]] std::vector<std::string_view> message_ids(std::string_view reason);

// A reason as people see it, one cause after another: {"loading again", "ended by itself", "killed by SIGSEGV",
// "The runtime crashed."}. Only joints that Corral itself makes are taken apart.
[[nodiscard]] std::vector<std::string> causes_of(std::string_view reason);
// The same as a sentence, without colons one in another: "loading again, because it ended by itself, killed by SIGSEGV. The
// runtime crashed." A sentence stays as it is.
[[nodiscard]] std::string reason_line(std::string_view reason);

}  // namespace corral::catalog

#pragma once
// What a line of the log is about, as fields of the journal. Pure; it reads Corral's own form of a line
// ("NAME/SERVICE: ...", "model NAME: ...", "request id=ID model=NAME ... event=WORD").

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace corral::telemetry {

struct log_fields {
    std::string_view model;
    std::string_view service;
    std::string_view event;
    std::string_view request;
};

// Parts of `line`, empty where it does not say; text between double quotes says nothing.
[[nodiscard]] log_fields fields_of(std::string_view line);

// The datagram of journald's native protocol: "NAME=value" a line, or a value with line breaks behind its length
// (https://systemd.io/JOURNAL_NATIVE_PROTOCOL/). Names are the caller's.
[[nodiscard]] std::string journal_datagram(
    const std::vector<std::pair<std::string_view, std::string_view>>& fields);

}  // namespace corral::telemetry

#pragma once
// Where the time of a request went, as the server says it in a Server-Timing field (W3C Server Timing).

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace corral::bench {

struct stage {
    std::string name;
    double ms = 0;
};

// Those of the field's metrics that have a time; at most 16, of names of letters, digits, '-' and '_'. Others are left
// out.
[[nodiscard]] std::vector<stage> read_server_timing(std::string_view field);

// What of a request's time is in which stage, without what is part of it: tokenise is not in prefill, nor detokenise
// in decode. Nothing where no stage is reported.
struct stage_spans {
    std::optional<double> queue_ms;
    std::optional<double> reset_ms;
    std::optional<double> tokenise_ms;
    std::optional<double> prefill_ms;
    std::optional<double> decode_ms;
    std::optional<double> detokenise_ms;
    std::optional<double> other_ms;
    [[nodiscard]] double sum() const;
};

struct stage_name {
    const char* key;
    std::optional<double> stage_spans::*span;
};
// In the order of a request.
[[nodiscard]] const std::vector<stage_name>& stage_names();

[[nodiscard]] std::optional<stage_spans> spans_of(const std::vector<stage>& stages);

}  // namespace corral::bench

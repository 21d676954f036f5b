#pragma once
// Between a run and a client that offers tools: a call whose arguments don't fit their schema, even mended, waits, and
// the model is asked once more. The text of the first answer counts, and of the second one its calls; without any the
// call that waits goes out as it is, for its client may make more of it.

#include <string>
#include <vector>

#include "corral/chat/generation_event.hpp"
#include "corral/telemetry/metrics.hpp"

namespace corral::generation {

class call_gate {
public:
    // `tools`: null or an array; borrowed.
    explicit call_gate(const nlohmann::ordered_json& tools) : tools_(&tools) {}

    void begin_run() noexcept { asked_ = !waiting_.empty(); }
    // What of a run's events goes out now.
    [[nodiscard]] std::vector<chat::generation_event> pass(std::vector<chat::generation_event> events);
    // The model should be asked once more; the run may be stopped.
    [[nodiscard]] bool asks() const noexcept { return !asked_ && waits(); }
    [[nodiscard]] bool waits() const noexcept { return !waiting_.empty(); }
    // Of the first that waits. REQUIRES: waits().
    [[nodiscard]] const chat::tool_call& call() const {
        return std::get<chat::tool_call_event>(waiting_.front()).call;
    }
    [[nodiscard]] const std::string& violation() const noexcept { return violation_; }
    // What waits, which is over.
    [[nodiscard]] std::vector<chat::generation_event> release();
    [[nodiscard]] const telemetry::call_counts& counts() const noexcept { return counts_; }

private:
    const nlohmann::ordered_json* tools_;
    std::vector<chat::generation_event> waiting_;  // calls
    std::string violation_;
    bool asked_ = false;
    bool called_ = false;  // a call has gone out
    telemetry::call_counts counts_;
};

}  // namespace corral::generation

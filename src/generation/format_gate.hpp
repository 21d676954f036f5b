#pragma once
// Between a run and a client that wants a format: thinking passes, the text waits until it is known to fit,
// so that another run can take its place.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "corral/chat/generation_event.hpp"
#include "corral/chat/structured_output.hpp"

namespace corral::generation {

// How a run's text compares with the format.
struct format_verdict {
    bool fits = false;
    std::string text;       // for the client; may be empty
    std::string violation;  // when it does not fit
};

class format_gate {
public:
    // `begun`: the answer that the model goes on with.
    format_gate(chat::format_plan plan, std::string begun);

    // Before each run. Of runs that follow a judged one, thinking does not go out.
    void begin_run();
    // What of a run's events goes out now. A call is an answer of its own: with the first one the text that
    // waits goes out before it, and nothing waits any more.
    [[nodiscard]] std::vector<chat::generation_event> pass(std::vector<chat::generation_event> events);
    // A fitting value is there; the run may be stopped.
    [[nodiscard]] bool complete() const noexcept;
    [[nodiscard]] std::size_t waiting_bytes() const noexcept;
    // At the end of a run, once. `cut`: the model was not at its end.
    [[nodiscard]] format_verdict finish(bool cut);
    // The text of the last run as the model wrote it.
    [[nodiscard]] std::string_view written() const noexcept;
    // Answers that were judged.
    [[nodiscard]] unsigned tries() const noexcept { return tries_; }

private:
    chat::format_plan plan_;
    std::string begun_;
    chat::format_reader reader_;
    unsigned tries_ = 0;
    bool called_ = false;
};

}  // namespace corral::generation

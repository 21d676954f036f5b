#pragma once
// What a runtime prints of a reset and of a run, its only word on both where it asks its tokenizer past the tap. Bounded.

#include <string>
#include <string_view>

namespace corral::engine::ax_poll {

class printed_lines {
public:
    void on_new_process() noexcept { prints_begins_ = false; }
    // A reset or a prompt is about to be sent. `listens` false: nothing that comes is to be believed, for the prompt
    // has these words.
    void begin(bool listens);
    void end() noexcept { listens_ = false; }
    void feed(std::string_view bytes);

    [[nodiscard]] bool said(std::string_view line) const { return text_.find(line) != std::string::npos; }
    [[nodiscard]] bool reset_begun() const;
    // A run got no ids, so what it answers is another prompt, or nothing.
    [[nodiscard]] bool encode_failed() const;
    // A terminal may bring a line later than a poll its result: an error stands before the line of the work's begin,
    // so where this process prints that line, nothing is believed before it.
    [[nodiscard]] bool reset_line_missing() const { return prints_begins_ && !reset_begun(); }
    [[nodiscard]] bool run_line_missing() const;
    // The runtime is idle behind a reset. False: this process prints its begin, and did not.
    [[nodiscard]] bool learn_reset();

private:
    std::string text_;
    bool listens_ = false;
    bool prints_begins_ = false;  // this process was seen to print the line of a reset
};

// Whether `text` has the words by which a reset is known.
[[nodiscard]] bool names_a_reset(std::string_view text);
// ... or a failed encode.
[[nodiscard]] bool names_a_failed_encode(std::string_view text);

}  // namespace corral::engine::ax_poll

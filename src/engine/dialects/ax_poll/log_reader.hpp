#pragma once
// Learns the context sizes from what a runtime prints while it loads (docs/facts/vendor_ax.md#start-log).
// Afterwards its lines are deaf ears: a runtime prints prompts word for word.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "corral/catalog/profile.hpp"
#include "corral/telemetry/output_lines.hpp"

namespace corral::engine::ax_poll {

class log_reader {
public:
    // `known` holds what the manifest states; those values are never overwritten.
    // `one_chunk`: a prompt is never more than that (docs/facts/vendor_ax.md#vlm-build).
    explicit log_reader(catalog::context_sizes known, bool one_chunk = false);

    // A new process: its lines are believed until it says that its initialisation is over.
    void on_process_started();
    // A process that said all this to an earlier image of this program: nothing more of it is believed.
    void resume(const catalog::context_sizes& learned);
    void feed(std::string_view bytes);
    [[nodiscard]] const catalog::context_sizes& sizes() const noexcept { return sizes_; }

private:
    void on_line(std::string_view line);

    catalog::context_sizes stated_;
    catalog::context_sizes sizes_;
    std::string_view limit_;  // the line's words
    bool believing_ = false;
    telemetry::line_assembler lines_;
};

// How a run ended, by the length of the cache that the runtime prints behind it
// (docs/facts/vendor_ax.md#cache-length): a run that met its end token has read every token that it wrote,
// one that was stopped has not read its last. Between two pieces nothing else tells the two apart.
//
// A prompt and an answer are printed too, and can hold such lines. They stand before the runtime's own, so the last
// one counts, and all that a forger gains is doubt about an answer of their own.
class run_report {
public:
    enum class ending { unknown, whole, stopped };

    void on_new_process();
    // A prompt is about to be sent.
    void begin();
    void feed(std::string_view bytes);
    // `made`: tokens of the run. Unknown before this process has shown that it counts like that, and for good
    // where its output is a pipe: the line then comes with the next run.
    [[nodiscard]] ending judge(std::uint32_t made) const;
    // A run that was not stopped, as far as is known.
    void learn(std::uint32_t made);
    [[nodiscard]] bool understood() const noexcept { return understood_; }

    // What the run printed as it began, against what its tap knows: ids that stood in the cache, and ids behind them
    // (docs/facts/vendor_ax.md#the-line-of-a-run).
    enum class lengths { unknown, right, wrong };
    [[nodiscard]] lengths compare(std::uint32_t held, std::uint32_t added) const noexcept;
    // A run whose lengths are known from its tap: this process prints them if they are right.
    void learn_lengths(std::uint32_t held, std::uint32_t added);
    [[nodiscard]] bool prints_lengths() const noexcept { return prints_lengths_; }
    // A line of an error came since the last call of this.
    [[nodiscard]] bool take_error() noexcept { return std::exchange(error_, false); }
    [[nodiscard]] bool has_error() const noexcept { return error_; }

private:
    void on_line(std::string_view line);

    std::optional<std::uint32_t> read_;  // with the prompt, as the run began
    std::optional<std::uint32_t> held_;  // positions of the cache, as it ended
    bool understood_ = false;
    struct run_lengths {
        std::uint32_t held = 0;
        std::uint32_t added = 0;
    };
    std::optional<run_lengths> lengths_;  // the last, for a run of before may print its own late
    bool prints_lengths_ = false;
    bool error_ = false;
    std::string line_;  // the one that is not complete; bounded
};

}  // namespace corral::engine::ax_poll

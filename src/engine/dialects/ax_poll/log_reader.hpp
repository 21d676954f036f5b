#pragma once
// Learns the context sizes from what a runtime prints while it loads (docs/facts/vendor_ax.md#start-log).
// Afterwards its lines are deaf ears: a runtime prints prompts word for word.

#include <string_view>

#include "corral/catalog/profile.hpp"
#include "corral/telemetry/output_lines.hpp"

namespace corral::engine::ax_poll {

class log_reader {
public:
    // `known` holds what the manifest states; those values are never overwritten.
    explicit log_reader(catalog::context_sizes known);

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
    bool believing_ = false;
    telemetry::line_assembler lines_;
};

}  // namespace corral::engine::ax_poll

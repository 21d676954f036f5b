#pragma once
// How `corral pull` tells how far it is: a bar on a terminal, plain lines elsewhere, Ollama's own lines with --json.

#include <optional>
#include <string>

#include "cli/base/terminal.hpp"
#include "corral/core/time.hpp"
#include "corral/pull/pull_package.hpp"
#include "corral/pull/rate_meter.hpp"

namespace corral::cli {

// "[#####.....] 42%  1.7 of 4.1 GB, 35 MB/s, 1m10s left". No line break.
[[nodiscard]] std::string pull_bar(const pull::pull_progress& progress, const pull::rate_meter& rate,
                                   unsigned columns);

// One of Ollama's lines, without its line break (docs/facts/ollama_wire.md); empty: nothing to say.
[[nodiscard]] std::string pull_line(const pull::pull_progress& progress);

class pull_report {
public:
    pull_report(bool json, text_style style);

    void tell(const pull::pull_progress& progress, core::steady_time now);
    // A line of Ollama's with that status alone; nothing without --json.
    void status(const std::string& text);
    // What is drawn goes.
    void clear();

private:
    void tell_json(const pull::pull_progress& progress, core::steady_time now);
    void tell_plain(const pull::pull_progress& progress, core::steady_time now);

    bool json_;
    text_style style_;
    live_lines lines_;
    pull::rate_meter rate_;
    std::string last_line_;
    core::steady_time last_at_{};
    std::optional<pull::pull_progress::phase> phase_;
    bool fetched_ = false;
};

}  // namespace corral::cli

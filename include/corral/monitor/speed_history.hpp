#pragma once
// How fast each model has written, day by day, and under which circumstances, so that "it became slower" has an answer:
// since when, and what changed with it. Counts only; nothing of a request is kept. Pure: whoever keeps it writes the text.

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "corral/core/time.hpp"

namespace corral::monitor {

// What may make another speed, by its name: {"Corral", "0.3.0"}, {"driver", "3.6.4"}. What is not known is not there.
using circumstances = std::map<std::string, std::string>;

struct written_answer {
    std::uint32_t prompt_tokens = 0;
    std::uint32_t tokens = 0;     // of the answer
    core::nanoseconds decode{0};  // first text to end
};

// Answers of one day under the same circumstances.
struct speed_day {
    std::string day;  // UTC, "2026-11-26"
    circumstances with;
    std::uint64_t answers = 0;
    std::uint64_t tokens = 0;
    std::uint64_t prompt_tokens = 0;
    double seconds = 0.0;
    [[nodiscard]] double rate() const { return seconds > 0 ? static_cast<double>(tokens) / seconds : 0.0; }
};

// The last time that the speed became another one.
struct speed_change {
    std::string since;  // a day
    double before = 0.0;
    double now = 0.0;     // tokens a second
    std::string changed;  // "Corral 0.2.0 → 0.3.0, driver 3.6.2 → 3.6.4"; empty: nothing that is known
    double longer = 1.0;  // times as long are its prompts
    // A sentence.
    [[nodiscard]] std::string text() const;
};

// A tenth or more apart, each of some answers. `days`: oldest first.
[[nodiscard]] std::optional<speed_change> last_change(const std::vector<speed_day>& days);

class speed_history {
public:
    static constexpr int format = 1;
    static constexpr std::size_t most_days = 400;  // of a model
    static constexpr std::size_t most = 600;       // of all; then the oldest of the model with most go

    // Answers of a few tokens tell nothing.
    void note(const std::string& model, const std::string& day, circumstances with,
              const written_answer& what);
    [[nodiscard]] const std::map<std::string, std::vector<speed_day>>& models() const noexcept {
        return models_;
    }

    [[nodiscard]] std::string text() const;
    // What is not of this format is left out. A year of it takes milliseconds.
    [[nodiscard]] static speed_history of_text(std::string_view text);
    // Puts what was kept before what has come since.
    void go_on_behind(speed_history kept);
    // Of {"models": [...]}, as the API tells it.
    [[nodiscard]] nlohmann::ordered_json report() const;

private:
    void keep_bounds();
    std::map<std::string, std::vector<speed_day>> models_;
};

}  // namespace corral::monitor

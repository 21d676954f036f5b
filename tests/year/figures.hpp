#pragma once
// What a year of a box is like, and what came of it.

#include <cstdint>
#include <string>

#include "corral/catalog/profile.hpp"
#include "corral/core/time.hpp"
#include "generation/prompt_quarantine.hpp"

namespace corral::year {

// 15 tokens a second after a start, 1 two hours later (docs/operating.md): by the clock, or by two hours of answers.
enum class decay { none, by_age, by_use };

// How often a year each of these comes, and for how long. Where no source is named it is an assumption: nobody counts
// the failures of such boxes in public.
struct failure_model {
    double power_cuts = 1.4;    // U.S. customers, 2017: 1.4 of 5.6 h (EIA, "Today in Energy", 2018-11-30)
    double plugs_pulled = 4;    // for a minute or some
    double late_drivers = 0.3;  // share of the boots after which the driver comes late: by 20 s to 10 min
    double cards_lost = 6;      // for 30 s to 30 min; a data centre's accelerator fails once in 16 years
        // (148 of 16,384 in 54 days, "The Llama 3 Herd of Models"), a card on a riser more often
    double deaths = 24;           // of the runtime, at any time
    double hangs = 9;             // of the runtime
    double tokenizer_deaths = 6;  // where there is such a service
    double bad_loads = 0.01;      // share of the loads that die, and as many hang
    double memory_taken = 24;     // by another program: what loads is killed, for 1 to 30 min
    double unseen_faults = 12;    // nothing shows why no load ends well, for 1 to 60 min
    double broken_packages =
        3;  // until a person repairs the file, 5 min to 3 h; that the file changed is seen
    double deadly_jobs =
        4;  // a program asks what kills the runtime, every half to five minutes, for 1 to 24 h
            // (ggml-org/llama.cpp#27427: one prompt, exit 139, each time)
    double restarts_by_operator = 12;
    decay decays = decay::none;
    core::seconds between_requests{300};  // at noon; at midnight four times as long
};

struct box_plan {
    const catalog::profile* profile = nullptr;
    catalog::restart_rule restart;
    generation::quarantine_rule quarantine;
    failure_model fails;
    std::uint64_t seed = 1;
    int days = 365;
};

struct figures {
    double hours = 0;           // with power
    double ready = 0;           // hours of these
    double caused = 0;          // hours away, while no start could have succeeded
    double rested = 0;          // hours at rest although a start would have succeeded
    double longest = 0;         // minutes: without the model, with power
    double longest_beyond = 0;  // minutes: the same, without those that a cause lasted
    std::uint64_t asked = 0;    // by people
    std::uint64_t lost = 0;     // of these: an error instead of an answer
    double waited = 0;          // hours that people waited longer for their answers than at a young, free box
    std::uint64_t starts = 0;
    std::uint64_t failed_starts = 0;
    std::uint64_t openings = 0;  // of the breaker
    std::uint64_t renewals = 0;
    std::uint64_t deadly_runs = 0;

    [[nodiscard]] double availability() const { return 100.0 * ready / hours; }
    // Of the hours in which the model could have been ready.
    [[nodiscard]] double attainable() const { return 100.0 * ready / (hours - caused); }
};

// Sums, and the longest of each.
figures& operator+=(figures& all, const figures& one);
// A line for people: of a year each.
[[nodiscard]] std::string told(const figures& all, int years);

[[nodiscard]] figures live(const box_plan& plan);

}  // namespace corral::year

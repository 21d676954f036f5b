#include "corral/bench/diagnosis.hpp"

#include <algorithm>
#include <cmath>

#include "bench/shown.hpp"

namespace corral::bench {

namespace {

struct pace {
    double temperature = 0;
    double speed = 0;    // tok/s
    double context = 0;  // tokens that each was made from
};

// The speed between two looks at the temperature, for spans in which an answer came.
void add_paces(const measurement& seen, const track& heat, std::vector<pace>& to) {
    if (seen.piece_s.size() < 2 || !seen.output_tokens || seen.pieces == 0) {
        return;
    }
    const double tokens_of_piece =
        static_cast<double>(*seen.output_tokens) / static_cast<double>(seen.pieces);
    const auto& looks = heat.curve();
    for (std::size_t i = 1; i < looks.size(); ++i) {
        const double from = looks[i - 1].first;
        const double to_s = looks[i].first;
        if (from < seen.piece_s.front() || to_s > seen.piece_s.back() || to_s <= from) {
            continue;
        }
        const auto pieces =
            std::ranges::count_if(seen.piece_s, [&](double at) { return at > from && at <= to_s; });
        const auto before = std::ranges::count_if(seen.piece_s, [&](double at) { return at <= from; });
        to.push_back({looks[i].second, static_cast<double>(pieces) * tokens_of_piece / (to_s - from),
                      static_cast<double>(seen.input_tokens.value_or(0)) +
                          static_cast<double>(before) * tokens_of_piece});
    }
}

std::string percent(double share) {
    return fixed(100 * share, 0) + " %";
}

// The stage outside the model's own work that takes most of the time.
const stage_name& longest_wait(const stage_spans& spans) {
    const stage_name* out = nullptr;
    for (const stage_name& each : stage_names()) {
        const bool works = each.span == &stage_spans::prefill_ms || each.span == &stage_spans::decode_ms;
        if (!works && (out == nullptr || (spans.*each.span).value_or(0) > (spans.*out->span).value_or(0))) {
            out = &each;
        }
    }
    return *out;
}

std::string host_text(const box_watch& watch, const track& load) {
    constexpr double busy_cores = 0.7;
    constexpr double part_of_it = 0.2;
    const track* const host = watch.busiest(figure::cpu);
    if (host == nullptr) {
        return "what keeps the host meanwhile is not known";
    }
    if (host->mean() >= busy_cores) {
        return on_one_line(host->of()) + " keeps " + fixed(host->mean(), 1) +
               " CPU cores busy meanwhile: between two calls of the device the host works";
    }
    if (host->mean() >= part_of_it) {
        return on_one_line(host->of()) + " uses " + fixed(host->mean(), 1) +
               " CPU cores meanwhile: the host has a part in it";
    }
    return "the host is at rest meanwhile (" + fixed(host->mean(), 2) + " CPU cores): " +
           (load.most() > 0 ? "it waits for memory, or for the link to the device"
                            : "either nothing was computed there, or its tool counts none of it");
}

}  // namespace

box_watch watch_of(const run_record& run) {
    box_watch out;
    for (const test_result& one : run.results) {
        for (const track& each : one.seen.box.tracks) {
            out.take_in(each, one.began_s);
        }
        for (const std::string& word : one.seen.box.health) {
            out.add_health(word);
        }
    }
    return out;
}

std::optional<stage_spans> stages_of(const run_record& run) {
    std::optional<stage_spans> out;
    for (const test_result& one : run.results) {
        if (one.seen.how != ending::success || !one.seen.stages) {
            continue;
        }
        if (!out) {
            out.emplace();
        }
        for (const stage_name& each : stage_names()) {
            if (const auto& span = (*one.seen.stages).*each.span) {
                *out.*each.span = (*out.*each.span).value_or(0) + *span;
            }
        }
    }
    return out;
}

std::string low_use_text(const run_record& run) {
    constexpr double low = 50;
    constexpr std::size_t least_looks = 3;
    const box_watch watch = watch_of(run);
    const track* const load = watch.busiest(figure::load);
    if (load == nullptr || load->looks() < least_looks || load->mean() >= low) {
        return {};
    }
    std::string out = on_one_line(load->of()) + " was busy for " + fixed(load->mean(), 0) +
                      " % of the time (" + fixed(load->least(), 0) + " to " + fixed(load->most(), 0) +
                      " %). ";
    std::optional<stage_spans> spans = stages_of(run);
    if (!spans || spans->sum() <= 0) {
        return out + "Which stage is to blame is not known: the server reports none.";
    }
    if (run.concurrency > 1) {
        spans->queue_ms.reset();  // others work meanwhile
    }
    const double whole = std::max(spans->sum(), 1e-9);
    const double prefill = spans->prefill_ms.value_or(0) / whole;
    const double decode = spans->decode_ms.value_or(0) / whole;
    const double idle = 1 - load->mean() / 100;
    if (1 - prefill - decode >= idle / 2) {
        const stage_name& wait = longest_wait(*spans);
        return out + "To blame: " + wait.key + ", which takes " +
               percent((*spans.*wait.span).value_or(0) / whole) +
               " of a request, and in which the device has nothing to do.";
    }
    const bool reading = prefill > decode;
    return out + "To blame: " + (reading ? "prefill" : "decode") + ", which takes " +
           percent(reading ? prefill : decode) + " of a request; " + host_text(watch, *load) + ".";
}

std::string heat_text(const run_record& run) {
    constexpr double hot_from = 70;    // no card throttles below
    constexpr double at_limit = 2;     // degrees
    constexpr double below_limit = 5;  // degrees
    constexpr std::size_t least = 3;   // spans of each kind
    constexpr double fallen = 0.85;
    const box_watch watch = watch_of(run);
    const track* const hottest = watch.busiest(figure::temperature);
    if (hottest == nullptr || hottest->most() < hot_from) {
        return {};
    }
    std::vector<pace> paces;
    for (const test_result& one : run.results) {
        for (const track& each : one.seen.box.tracks) {
            if (each.what() == figure::temperature && each.of() == hottest->of()) {
                add_paces(one.seen, each, paces);
            }
        }
    }
    std::vector<double> hot, cool, contexts;
    for (const pace& one : paces) {
        if (one.temperature >= hottest->most() - at_limit) {
            hot.push_back(one.speed);
            contexts.push_back(one.context);
        }
    }
    // A long context is slower by itself, and mostly comes last.
    const double context = contexts.empty() ? 0 : spread_of(contexts)->median;
    for (const pace& one : paces) {
        if (one.temperature <= hottest->most() - below_limit && 2 * one.context >= context) {
            cool.push_back(one.speed);
        }
    }
    if (hot.size() < least || cool.size() < least) {
        return {};
    }
    const double slow = spread_of(hot)->median;
    const double fast = spread_of(cool)->median;
    if (fast <= 0 || slow > fallen * fast) {
        return {};
    }
    return "Throttled by heat: while " + on_one_line(hottest->of()) + " stood at " +
           fixed(hottest->most(), 0) + " °C, answers came at " + fixed(slow, 2) + " tok/s, against " +
           fixed(fast, 2) + " below " + fixed(hottest->most() - below_limit, 0) + " °C (" +
           speed_change(fast, slow) + "). Cool it better, and measure again.";
}

std::string queue_text(const run_record& run) {
    constexpr double worth_telling = 0.2;
    const std::optional<stage_spans> spans = stages_of(run);
    if (run.concurrency > 1 || !spans || spans->sum() <= 0) {
        return {};
    }
    const double share = spans->queue_ms.value_or(0) / spans->sum();
    return share < worth_telling ? std::string()
                                 : "Requests waited " + percent(share) +
                                       " of their time for their turn, though one client asks at a time: for "
                                       "the rest of an answer "
                                       "that was cut before (a runtime that heeds no limit of tokens goes on "
                                       "to its end), or for "
                                       "other clients. The times at the client have that in them.";
}

std::vector<std::string> diagnoses(const run_record& run) {
    std::vector<std::string> out;
    for (const std::string& text :
         {low_use_text(run), queue_text(run), heat_text(run), slower_text(run.history, kept_of(run))}) {
        if (!text.empty()) {
            out.push_back(text);
        }
    }
    for (const std::string& word : watch_of(run).health) {
        out.push_back("The status tool says of " + on_one_line(word) + ".");
    }
    return out;
}

}  // namespace corral::bench

#include "year/figures.hpp"

#include <algorithm>
#include <functional>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "year/box.hpp"
#include "year/clients.hpp"
#include "year/timeline.hpp"

namespace corral::year {

using core::seconds;
using std::chrono::hours;
using std::chrono::minutes;

namespace {

class weather {
public:
    weather(timeline& time, std::uint64_t seed) : time_(time), seed_(seed) {}

    // Comes `often` a year; the dice are its own.
    void comes(double often, std::function<void(dice&)> what) {
        if (often > 0) {
            next(often, std::move(what), std::make_shared<dice>(seed_, ++parts_));
        }
    }

private:
    void next(double often, std::function<void(dice&)> what, std::shared_ptr<dice> own) {
        const core::nanoseconds pause = own->about(times(hours{24 * 365}, 1 / often));
        time_.after(pause, [this, often, what = std::move(what), own] {
            what(*own);
            next(often, what, own);
        });
    }
    timeline& time_;
    std::uint64_t seed_;
    std::uint64_t parts_ = 100;
};

}  // namespace

figures& operator+=(figures& all, const figures& one) {
    all.hours += one.hours;
    all.ready += one.ready;
    all.caused += one.caused;
    all.rested += one.rested;
    all.longest = std::max(all.longest, one.longest);
    all.longest_beyond = std::max(all.longest_beyond, one.longest_beyond);
    all.asked += one.asked;
    all.lost += one.lost;
    all.waited += one.waited;
    all.starts += one.starts;
    all.failed_starts += one.failed_starts;
    all.openings += one.openings;
    all.renewals += one.renewals;
    all.deadly_runs += one.deadly_runs;
    return all;
}

std::string told(const figures& all, int years) {
    const double n = years;
    const auto each = [n](std::uint64_t count) { return static_cast<double>(count) / n; };
    return fmt::format(
        "ready {:.3f} %, without causes {:.3f} %; away for {:.1f} h by causes, at rest {:.2f} h "
        "behind them, longest {:.0f} min, {:.1f} beyond its cause; {:.0f} asked, {:.1f} lost, "
        "{:.1f} h waited; {:.0f} starts, {:.0f} failed, {:.0f} openings, {:.1f} renewals, {:.1f} "
        "deadly runs",
        all.availability(), all.attainable(), all.caused / n, all.rested / n, all.longest, all.longest_beyond,
        each(all.asked), each(all.lost), all.waited / n, each(all.starts), each(all.failed_starts),
        each(all.openings), each(all.renewals), each(all.deadly_runs));
}

figures live(const box_plan& plan) {
    figures out;
    timeline time;
    box of(plan, time, out);
    clients people(plan, time, of, out);
    of.on_change = [&] { people.on_change(); };
    of.busy = [&] { return people.busy(); };

    weather sky(time, plan.seed);
    const failure_model& fails = plan.fails;
    sky.comes(fails.power_cuts, [&](dice& by) { of.cut_power(by.about(minutes{336})); });
    sky.comes(fails.plugs_pulled, [&](dice& by) { of.cut_power(by.about(minutes{2})); });
    sky.comes(fails.cards_lost,
              [&](dice& by) { of.suffer(cause::card, by.between(seconds{30}, minutes{30})); });
    sky.comes(fails.memory_taken,
              [&](dice& by) { of.suffer(cause::memory, by.between(minutes{1}, minutes{30})); });
    sky.comes(fails.unseen_faults, [&](dice& by) {
        of.suffer(cause::unseen, by.between(minutes{1}, minutes{60}));
        of.runtime_dies();
    });
    sky.comes(fails.broken_packages, [&](dice& by) {
        of.suffer(cause::package, by.between(minutes{5}, hours{3}));
        of.runtime_dies();
    });
    sky.comes(fails.deaths, [&](dice&) { of.runtime_dies(); });
    sky.comes(fails.hangs, [&](dice&) { of.runtime_hangs(); });
    sky.comes(fails.tokenizer_deaths, [&](dice&) { of.tokenizer_dies(); });
    sky.comes(fails.deadly_jobs, [&](dice& by) { people.begin_deadly_job(by.between(hours{1}, hours{24})); });
    sky.comes(fails.restarts_by_operator, [&](dice&) {
        if (of.ready()) {
            of.restart_runtime(supervisor::restart_reason::asked);
        }
    });
    of.boot();
    people.begin();
    time.run(time.now() + hours{24} * plan.days);
    of.account();
    return out;
}

}  // namespace corral::year

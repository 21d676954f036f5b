// Random turns, steered by the ledger, on a small model of the server's cache (docs/facts/vendor_ax.md#cache,
// #limits).

#include <algorithm>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "engine/dialects/ax_poll/cache_ledger.hpp"
#include "modelled_cache.hpp"

namespace corral::engine::ax_poll {
namespace {

constexpr catalog::context_sizes sizes{
    .positions = 160, .prompt_limit = 128, .chunk = 32, .vocabulary = 1000};

class cache_walk {
public:
    explicit cache_walk(std::uint64_t seed) : random_(seed) {}

    std::size_t continued = 0;
    std::size_t found_ahead = 0;  // of these, behind what was computed ahead
    std::size_t wrong = 0;

    void turn() {
        if (random_() % 4 == 0) {
            compute_ahead();
        }
        const std::string owner = owner_of_turn();
        const token_ids ids = next_prompt();
        const cache_plan plan = ledger_.plan(ids, sizes, owner, random_() % 9 == 0);
        if (plan.how == cache_plan::way::refuse) {
            said_.clear();
            return;
        }
        if (plan.how == cache_plan::way::reset) {
            cache_.reset();
            ledger_.on_reset(owner);
        } else {
            ++continued;
            found_ahead += ledger_.ahead() ? 1 : 0;
        }
        ledger_.on_sent(ids, plan.held);
        const token_ids beginning(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(plan.held));
        if (!cache_.holds(beginning)) {
            ++wrong;
        }
        run(ids, plan.held);
        if (random_() % 40 == 0) {
            ledger_.forget();
        }
    }

private:
    std::string owner_of_turn() { return random_() % 5 == 0 ? "bob" : "ann"; }
    // While nobody asks: what the conversation goes on from, or the beginning of another one. Its client may keep less.
    void compute_ahead() {
        token_ids ids = random_() % 5 == 0 ? token_ids() : said_;
        if (ids.size() < 2) {
            extend(ids, 40);
            extend(ids, 40);
        }
        ids.resize(std::min<std::size_t>(ids.size(), sizes.prompt_limit - sizes.chunk));
        cache_.reset(ids);
        ledger_.on_reset(owner_of_turn(), ids);
    }
    std::int64_t any() { return 10 + static_cast<std::int64_t>(random_() % 900); }
    void extend(token_ids& ids, std::size_t most) {
        for (std::size_t i = 1 + random_() % most; i > 0; --i) {
            ids.push_back(any());
        }
    }
    // The conversation goes on, was edited, is asked again, or is another one.
    token_ids next_prompt() {
        token_ids ids = said_;
        const std::uint64_t dice = random_() % 20;
        if (dice < 2 || ids.size() > 120) {
            ids.clear();
        } else if (dice < 4 && !ids.empty()) {
            ids.resize(1 + random_() % ids.size());
        } else if (dice == 4 && !ids.empty()) {
            ids[random_() % ids.size()] = any();
        }
        extend(ids, 40);
        return ids;
    }
    // Lengths agree with what the server prints: a lie would be found by that alone.
    void run(const token_ids& ids, std::size_t held) {
        const std::size_t before = cache_.length;
        const token_ids fresh(ids.begin() + static_cast<std::ptrdiff_t>(held), ids.end());
        finished_run out;
        out.as_planned = true;
        cache_.prefill(fresh);
        if (random_() % 8 == 0) {
            cache_.stopped_in_prefill();
            out.answer = {any()};
            out.calls = 1;
            out.stops = 1 + static_cast<unsigned>(random_() % 3);
            out.before_piece = true;
            if (held > 0 && ledger_.warm()) {
                EXPECT_EQ(cache_.length, before);
            }
            ledger_.conclude(out, sizes);
            said_ = ids;
            return;
        }
        const std::size_t room = sizes.positions - ids.size() + 1;
        const std::size_t made = std::min<std::size_t>(1 + random_() % 20, room);
        for (std::size_t i = 0; i < made; ++i) {
            out.answer.push_back(any());
        }
        out.calls = static_cast<std::uint32_t>((made + 2) / 3 + 1);
        out.whole = true;
        end(out, made, room);
        cache_.done();
        ledger_.conclude(out, sizes);
        said_ = ids;
        said_.insert(said_.end(), out.answer.begin(), out.answer.end());
        if (random_() % 3 == 0 && !out.answer.empty()) {
            said_.pop_back();  // the client keeps less
        }
    }
    void end(finished_run& out, std::size_t made, std::size_t room) {
        const bool used_up = made == room;
        const std::uint64_t how = random_() % 4;
        for (std::size_t i = 0; i + 1 < made; ++i) {
            cache_.step(out.answer[i]);
        }
        if (used_up) {
            return;  // the last one is sampled, and has no place
        }
        if (how == 0 && made % 3 == 0) {  // held
            out.stops = 1;
            out.held_piece = 3;
            return;
        }
        if (how == 1 && made % 3 != 0) {  // held, and the end token was met
            out.stops = 1;
            out.held_piece = made % 3;
        } else if (how == 2) {  // anywhere
            out.stops = 1 + static_cast<unsigned>(random_() % 2);
            out.whole = random_() % 3 != 0;
            cache_.step(out.answer.back(), random_() % (modelled_cache::layers + 1));
            return;
        }
        cache_.step(out.answer.back());
    }

    std::mt19937_64 random_;
    modelled_cache cache_{sizes.positions};
    cache_ledger ledger_;
    token_ids said_;
};

TEST(cache_ledger_walk, a_prompt_never_stands_behind_other_rows_than_the_ledger_says) {
    const char* const wanted = std::getenv("CORRAL_WALK_STEPS");
    const std::size_t most = wanted == nullptr ? 20'000 : std::stoul(wanted);
    constexpr std::size_t turns = 50;
    std::size_t continued = 0;
    std::size_t found_ahead = 0;
    for (std::uint64_t seed = 1; seed <= most / turns; ++seed) {
        cache_walk one(seed);
        for (std::size_t i = 0; i < turns; ++i) {
            one.turn();
        }
        ASSERT_EQ(one.wrong, 0U) << "seed " << seed;
        continued += one.continued;
        found_ahead += one.found_ahead;
    }
    EXPECT_GT(continued, most / 10);
    EXPECT_GT(found_ahead, most / 50);
}

}  // namespace
}  // namespace corral::engine::ax_poll

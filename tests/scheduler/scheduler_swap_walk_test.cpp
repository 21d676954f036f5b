// The rule of swaps in the long run: how many swaps, who waits how long, and what never happens, whatever
// comes.

#include <gtest/gtest.h>

#include "corral/core/random_source.hpp"
#include "rounds.hpp"
#include "scheduler/box_simulation.hpp"

namespace corral::scheduler {
namespace {

using core::seconds;

constexpr unsigned overtakes = 8;

scheduler_options with_overtakes(unsigned most) {
    scheduler_options out;
    out.swaps.max_overtakes = most;
    return out;
}

struct measured {
    std::uint64_t swaps = 0;
    std::uint64_t evictions = 0;
    std::size_t most_passed_by_others = 0;
    std::size_t most_passed = 0;
    double seconds = 0;
};

measured measure(const test::box_simulation& box) {
    measured out;
    out.swaps = box.admission->snapshot().swaps;
    out.evictions = box.admission->snapshot().evictions;
    out.seconds = box.seconds();
    for (const test::simulated_request& each : box.requests) {
        EXPECT_TRUE(each.granted) << each.model;
        out.most_passed_by_others = std::max(out.most_passed_by_others, each.passed_by_others);
        out.most_passed = std::max(out.most_passed, each.passed_by_others + each.passed_by_own);
    }
    EXPECT_TRUE(box.wrong.empty()) << box.wrong.front();
    return out;
}

// 500 requests for a and b in strict alternation. In the order of their arrival each would cost a swap.
constexpr std::size_t many = 500;
const char* alternating(std::size_t number) {
    return number % 2 == 0 ? "a" : "b";
}

std::size_t swaps_in_order_of_arrival(const test::box_simulation& box) {
    std::size_t out = 0;
    for (std::size_t i = 1; i < box.requests.size(); ++i) {
        out += box.requests[i].model != box.requests[i - 1].model ? 1 : 0;
    }
    return out;
}

// Eight clients, each with its next request when it has its answer.
void ask_in_turns(test::box_simulation& box, std::size_t clients) {
    auto ask_next = [&box] {
        if (box.requests.size() < many) {
            box.ask(alternating(box.requests.size()), std::to_string(box.requests.size() % 8));
        }
    };
    box.on_end = [ask_next](std::size_t) { ask_next(); };
    for (std::size_t i = 0; i < clients; ++i) {
        ask_next();
    }
}

TEST(swap_walk, alternating_requests_of_eight_clients_on_one_card) {
    test::box_simulation box(with_overtakes(overtakes));
    box.rooms[0] = 1000;
    box.add("a", {0}, 600);
    box.add("b", {0}, 600);
    ask_in_turns(box, 8);
    ASSERT_TRUE(box.run());
    ASSERT_EQ(box.requests.size(), many);
    const measured out = measure(box);
    EXPECT_EQ(swaps_in_order_of_arrival(box), many - 1);
    // All that wait are served when their model is there.
    EXPECT_LE(out.swaps, many / overtakes + 1);
    EXPECT_GE(out.swaps, many / overtakes - 1);
    EXPECT_EQ(out.swaps, out.evictions);
    // One turn of the other, and the seven that may have been there before.
    EXPECT_LE(out.most_passed_by_others, overtakes + 1);
    EXPECT_LE(out.most_passed, overtakes + 1 + 7);
}

TEST(swap_walk, alternating_requests_that_all_wait_at_once_swap_every_eight) {
    scheduler_options options = with_overtakes(overtakes);
    options.max_queue = many;
    options.swaps.least_patience = seconds{60};
    test::box_simulation box(options);
    box.rooms[0] = 1000;
    box.add("a", {0}, 600);
    box.add("b", {0}, 600);
    for (std::size_t i = 0; i < many; ++i) {
        box.ask(alternating(i));
    }
    ASSERT_TRUE(box.run());
    const measured out = measure(box);
    EXPECT_EQ(swaps_in_order_of_arrival(box), many - 1);
    EXPECT_LE(out.swaps, many / overtakes + 1);
    EXPECT_GE(out.swaps, many / overtakes - 1);
    // Of either model as many as of the other, eight at a time.
    for (std::size_t i = 0; i + 1 < many; i += 2) {
        const auto apart = *box.requests[i].granted - *box.requests[i + 1].granted;
        EXPECT_LE(std::max(apart, -apart), seconds{8 + 6 + 1 + 6}) << i;
    }
}

TEST(swap_walk, alternating_requests_on_two_cards_need_no_swap) {
    test::box_simulation box(with_overtakes(overtakes));
    box.rooms = {{0, 1000}, {1, 1000}};
    // Either may run on either card.
    int starts = 0;
    std::vector<test::fake_backend*> all;
    for (const char* model : {"a", "b"}) {
        for (const unsigned card : {0U, 1U}) {
            all.push_back(&box.add(model, {card}, 600));
        }
    }
    ask_in_turns(box, 8);
    ASSERT_TRUE(box.run());
    const measured out = measure(box);
    EXPECT_EQ(out.swaps, 0U);
    EXPECT_EQ(out.evictions, 0U);
    for (const test::fake_backend* each : all) {
        starts += each->starts;
        EXPECT_EQ(each->stops, 0);
    }
    EXPECT_EQ(starts, 2);
    // Two at a time, after the loads.
    EXPECT_LE(out.seconds, 5 + static_cast<double>(many) / 2 + 10);
}

// --- random boxes

enum class act { ask, cancel, pass, unload };

struct happening {
    act what = act::ask;
    std::size_t model = 0;
    std::size_t which = 0;
};

struct random_box {
    std::size_t models = 2;
    std::size_t cards = 1;
    unsigned overtakes = 1;
    bool pinned_first = false;
    bool alone = false;  // no two fit on a card beside each other
    std::vector<std::vector<std::pair<unsigned, std::uint64_t>>> instances;  // of each model: card and need
    std::vector<happening> all;
};

random_box make_box(std::uint64_t seed) {
    core::seeded_random random(seed);
    const auto below = [&random](std::uint64_t n) { return static_cast<std::size_t>(random.next() % n); };
    random_box out;
    out.models = 2 + below(3);
    out.cards = 1 + below(2);
    out.overtakes = static_cast<unsigned>(1 + below(4));
    out.pinned_first = out.cards == 2 && below(3) == 0;
    out.alone = below(2) == 0;
    for (std::size_t i = 0; i < out.models; ++i) {
        out.instances.emplace_back();
        const std::size_t instances = 1 + below(out.cards);
        for (std::size_t j = 0; j < instances; ++j) {
            // A pinned one leaves a card to the others.
            const bool second = i > 0 && out.pinned_first;
            const auto card =
                static_cast<unsigned>(second ? 1 : (out.pinned_first ? 0 : (i + j) % out.cards));
            out.instances.back().emplace_back(card, out.alone ? 600 + 100 * below(5) : 300 + 100 * below(8));
        }
    }
    for (int i = 0; i < 60; ++i) {
        const act acts[] = {act::ask,  act::ask,  act::ask,    act::ask,
                            act::pass, act::pass, act::cancel, act::unload};
        out.all.push_back({acts[below(8)], below(out.models), below(100)});
    }
    return out;
}

// What went wrong, or nothing.
std::string live(const random_box& of, const std::vector<happening>& all) {
    test::box_simulation box(with_overtakes(of.overtakes));
    for (unsigned card = 0; card < of.cards; ++card) {
        box.rooms[card] = 1000;
    }
    const auto name = [](std::size_t model) { return std::string(1, static_cast<char>('a' + model)); };
    for (std::size_t i = 0; i < of.models; ++i) {
        for (const auto& [card, need] : of.instances[i]) {
            box.add(name(i), {card}, need, [&](catalog::model_entry& entry) {
                entry.pinned = of.pinned_first && i == 0;
                entry.instances = static_cast<unsigned>(of.instances[i].size());
            });
        }
    }
    for (const happening& each : all) {
        switch (each.what) {
            case act::cancel:
                if (!box.requests.empty()) {
                    box.cancel(1 + each.which % box.requests.size());
                }
                break;
            case act::pass:
                box.run(core::milliseconds{100 * each.which});
                break;
            case act::unload:
                box.admission->unload(name(each.model));
                break;
            default:
                box.ask(name(each.model), std::to_string(each.which % 3));
        }
        if (!box.wrong.empty()) {
            return box.wrong.front();
        }
    }
    if (!box.run()) {
        return "somebody waits for ever";
    }
    if (!box.wrong.empty()) {
        return box.wrong.front();
    }
    const std::size_t turn = of.overtakes + 1;
    for (std::size_t i = 0; i < box.requests.size(); ++i) {
        const test::simulated_request& each = box.requests[i];
        if (each.who->refused && each.who->refused->kind != chat::failure_kind::cancelled) {
            return "request " + std::to_string(i + 1) + " is refused: " + each.who->refused->message;
        }
        // One turn of each of the others, from when it came and after every turn of its own model; those
        // that are loaded beside it are no obstacle.
        const std::size_t bound = (each.passed_by_own + 1) * (of.models - 1) * turn;
        if (of.cards == 1 && of.alone && each.passed_by_others > bound) {
            return "request " + std::to_string(i + 1) + " was passed " +
                   std::to_string(each.passed_by_others) + " times, and may be " + std::to_string(bound);
        }
    }
    const queue_snapshot end = box.admission->snapshot();
    return end.waiting + end.running == 0 ? "" : "somebody is forgotten";
}

std::string words_of(const std::vector<happening>& all) {
    std::string out;
    for (const happening& each : all) {
        constexpr const char* words[] = {"ask", "cancel", "pass", "unload"};
        out += fmt::format("{} {} {}\n", words[static_cast<int>(each.what)], each.model, each.which);
    }
    return out;
}

// Leaves out what it can.
std::vector<happening> shrunk(const random_box& of, std::vector<happening> all) {
    for (std::size_t i = all.size(); i-- > 0;) {
        std::vector<happening> fewer = all;
        fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(i));
        if (!live(of, fewer).empty()) {
            all = std::move(fewer);
        }
    }
    return all;
}

TEST(swap_walk, keeps_its_promises_whatever_comes) {
    for (std::uint64_t seed = 1; seed <= test_rounds(std::uint64_t{100}); ++seed) {
        const random_box of = make_box(seed);
        const std::string wrong = live(of, of.all);
        if (!wrong.empty()) {
            const std::vector<happening> least = shrunk(of, of.all);
            FAIL() << "seed " << seed << ": " << wrong << "; least:\n" << words_of(least) << live(of, least);
        }
    }
}

}  // namespace
}  // namespace corral::scheduler

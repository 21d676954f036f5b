// Random turns of several conversations of two users on one runtime: continued, edited, asked again, limited, left at
// any moment, with faults between. More: CORRAL_WALK_TURNS=10000; another walk: CORRAL_WALK_SEED.

#include <cstdlib>

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "simulated.hpp"

namespace corral::engine {
namespace {

constexpr std::size_t most_bytes = 1500;  // of a conversation, so that some reach the limits of the groups

std::uint64_t number_of(const char* name, std::uint64_t otherwise) {
    const char* const said = std::getenv(name);
    return said == nullptr ? otherwise : std::strtoull(said, nullptr, 10);
}

class ax_poll_reuse_walk : public simulated {
protected:
    ax_poll_reuse_walk() : dice(number_of("CORRAL_WALK_SEED", 7)) {
        entry.family = "qwen2.5";
        entry.reuse = catalog::reuse_policy::off;
        entry.runtime.clocks.compare_after = milliseconds{50};
        scenario["timing"] = {{"load_ms", 40}, {"prefill_ms_per_chunk", 3}, {"tokens_per_second", 1500}};
    }

    struct conversation {
        std::string owner;
        std::vector<std::string> said;  // with each answer, oldest first
    };
    struct wanted_turn {
        std::string text;
        int tokens = 0;
        std::string how;
    };

    [[nodiscard]] bool chance(unsigned percent) { return dice() % 100 < percent; }
    static std::string question_of(int tokens, std::uint64_t number) {
        return "<|im_start|>user\n[[n=" + std::to_string(tokens) + "]] no. " + std::to_string(number) +
               "<|im_end|>\n<|im_start|>assistant\n";
    }

    wanted_turn next_turn(conversation& in) {
        wanted_turn out;
        out.tokens = 1 + static_cast<int>(dice() % 25);
        const std::uint64_t kind = dice() % 100;
        if (in.said.empty() || in.said.back().size() > most_bytes || kind < 5) {
            in.said.clear();
            out.how = "new";
            out.text = question_of(out.tokens, dice() % 9);
            return out;
        }
        if (kind < 15) {  // back to an earlier answer
            in.said.resize(1 + dice() % in.said.size());
            out.how = "edited";
        } else if (kind < 20) {  // a client that trims
            in.said.back().resize(in.said.back().size() - 1);
            out.how = "trimmed";
        } else {
            out.how = "continued";
        }
        out.text = in.said.back() + "<|im_end|>\n" + question_of(out.tokens, dice() % 1000);
        return out;
    }
    // True: a run may fail for it.
    bool arm_fault() {
        if (!chance(6)) {
            return false;
        }
        static const std::vector<std::string> harmless{"swallow_generate", "swallow_reset", "stale_text",
                                                       "lost_row", "early_done"};
        const std::string& name = harmless.at(dice() % harmless.size());
        if (name == "lost_row" && entry.reuse == catalog::reuse_policy::off) {
            return false;  // nobody looks for it there
        }
        fault("runtime", name, "once", name == "early_done" ? json{{"ms", 60}} : json::object());
        trace("fault " + name);
        return name == "stale_text";
    }
    void trace(const std::string& what) {
        log.push_back(what);
        if (log.size() > 12) {
            log.erase(log.begin());
        }
    }
    [[nodiscard]] std::string story() const {
        std::string out;
        for (const std::string& line : log) {
            out += "\n  " + line;
        }
        return out;
    }

    void turn(std::uint64_t index) {
        conversation& in = all.at(dice() % all.size());
        const bool may_fail = arm_fault();
        const wanted_turn wanted = next_turn(in);
        run_spec what = request(wanted.text, "");
        what.prompt.verbatim = true;
        what.owner = in.owner;
        int most = wanted.tokens;
        if (chance(25)) {
            what.max_tokens = 1 + static_cast<std::uint32_t>(dice() % 14);
            most = std::min(most, static_cast<int>(*what.max_tokens));
        }
        text_sink sink;
        run_control control(context.on);
        boost::asio::steady_timer timer(io);
        if (chance(25)) {
            leave(sink, control, timer);
        }
        const told got = ask(std::move(what), sink, control);
        timer.cancel();
        trace(std::to_string(index) + " " + in.owner + " " + wanted.how + ", end " +
              std::to_string(static_cast<int>(got.outcome.end)) + " " + got.cause() + ", " +
              std::string(got.outcome.progress.start) + ", " +
              std::to_string(got.outcome.progress.usage.cached_tokens) + " cached");
        ++starts[std::string(got.outcome.progress.start)];
        if (!may_fail) {
            ASSERT_EQ(got.cause(), "") << story();
        }
        if (got.outcome.end == run_end::stop || got.outcome.end == run_end::length) {
            ASSERT_EQ(last_run()["kv_text"], wanted.text) << story();
            ASSERT_EQ(got.text, words(most)) << story();
            in.said.push_back(wanted.text + got.text);
        } else {
            ASSERT_TRUE(words(most).starts_with(got.text)) << story();
            if (chance(50)) {
                in.said.push_back(wanted.text + got.text);
            }
        }
        if (chance(1)) {
            (void)::kill(chance(50) ? runtime_pid() : tokenizer_pid(), SIGKILL);
            trace("a process dies");
            ASSERT_TRUE(run_until([this] { return !made->services().ready(); })) << story();
            ASSERT_EQ(wait_ready(), "");
        }
    }
    void leave(text_sink& sink, run_control& control, boost::asio::steady_timer& timer) {
        if (chance(50)) {
            const int piece = 1 + static_cast<int>(dice() % 5);
            sink.on_piece = [&sink, &control, piece] {
                if (sink.pieces >= piece) {
                    control.cancel();
                }
            };
            return;
        }
        timer.expires_after(milliseconds{dice() % 60});
        timer.async_wait([&control](boost::system::error_code error) {
            if (!error) {
                control.cancel();
            }
        });
    }

    std::mt19937_64 dice;
    std::vector<conversation> all{{"ann", {}}, {"ann", {}}, {"bob", {}}};
    std::map<std::string, std::uint64_t> starts;
    std::vector<std::string> log;
};

TEST_F(ax_poll_reuse_walk, every_answer_is_of_the_conversation_that_was_sent) {
    entry.reuse = catalog::reuse_policy::automatic;
    start("--chunk 32 --groups 32,64,128,256,512,1024 --max-token-len 1200");
    ASSERT_TRUE(run_until([this] { return made->report().reuse.state == "on"; })) << made->report().reuse.why;
    const std::uint64_t turns = number_of("CORRAL_WALK_TURNS", 150);
    for (std::uint64_t i = 0; i < turns && !HasFatalFailure(); ++i) {
        turn(i);
    }
    std::string told;
    for (const auto& [how, count] : starts) {
        told += " " + (how.empty() ? "nothing" : how) + " " + std::to_string(count);
    }
    std::printf("%llu turns:%s; mistaken %llu\n", static_cast<unsigned long long>(turns), told.c_str(),
                static_cast<unsigned long long>(made->report().reuse.mistaken));
    EXPECT_GT(starts["continued"], turns / 8);
}

TEST_F(ax_poll_reuse_walk, and_so_it_is_with_reuse_off) {
    start("--chunk 32 --groups 32,64,128,256,512,1024 --max-token-len 1200");
    const std::uint64_t turns = number_of("CORRAL_WALK_TURNS", 150) / 3;
    for (std::uint64_t i = 0; i < turns && !HasFatalFailure(); ++i) {
        turn(i);
    }
}

}  // namespace
}  // namespace corral::engine

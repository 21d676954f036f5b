#pragma once
// One run after another of a streaming server that plays its part (played_server), on a loop of its own.

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "engine/dialects/openai_sse/openai_protocol.hpp"
#include "engine/played_server.hpp"
#include "engine/streaming/stream_run.hpp"
#include "run_until.hpp"

namespace corral::engine::tests {

// The end of an answer that is whole.
inline const std::string stream_done =
    "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";

struct kept_text final : run_sink {
    void on_text(std::string_view piece, const run_progress& /*now*/) override {
        text += piece;
        if (control != nullptr) {
            control->cancel();
        }
    }
    std::string text;
    run_control* control = nullptr;  // cancelled at the first piece
};

inline constexpr core::seconds long_enough{30};

class stream_run_fixture : public testing::Test {
protected:
    stream_run_fixture() {
        clocks.call = core::milliseconds{1500};
        clocks.prefill_base = core::seconds{20};
        clocks.decode_stall = core::seconds{20};
        clocks.scrub = core::milliseconds{600};
    }

    template <typename Server>
    streaming::stream_parts parts_for(const Server& server) {
        protocol = std::make_unique<openai_sse::openai_protocol>(traits);
        streaming::stream_parts parts;
        parts.on = loop.get_executor();
        parts.clock = &clock;
        parts.tasks = &tasks;
        parts.protocol = protocol.get();
        parts.traits = traits;
        parts.clocks = clocks;
        if (!learned) {
            learned.emplace(clocks);
        }
        parts.learned = &*learned;
        parts.at = [&server] { return server.at(); };
        parts.kept = kept;
        parts.mark = [] { return 1U; };
        parts.lost = [this](std::uint64_t) { return lost; };
        parts.restart = [this](std::string cause, supervisor::restart_reason why) {
            restarts.push_back(std::string(to_string(why)) + ": " + cause);
        };
        parts.usual_load = [this] { return load; };
        return parts;
    }

    run_spec spec(std::optional<std::uint32_t> limit = {}) const {
        run_spec what;
        what.id = "test";
        what.prompt.system = "S";
        what.prompt.turns = prompt;
        what.max_tokens = limit;
        what.until = core::deadline::after(long_enough, clock.now());
        return what;
    }

    template <typename Server>
    run_outcome run(const Server& server, std::optional<std::uint32_t> limit = {}, bool leave = false) {
        streaming::stream_run runs(parts_for(server));
        run_control control(loop.get_executor());
        sink.control = leave ? &control : nullptr;
        return finish(begin(runs, spec(limit), sink, control));
    }

    // A run that is under way as soon as the loop runs.
    std::shared_ptr<std::optional<run_outcome>> begin(streaming::stream_run& runs, run_spec what,
                                                      run_sink& into, run_control& control) {
        auto out = std::make_shared<std::optional<run_outcome>>();
        boost::asio::co_spawn(loop, runs.run(std::move(what), into, control, {}, true),
                              [out](const std::exception_ptr& thrown, run_outcome ended) {
                                  EXPECT_FALSE(thrown);
                                  *out = std::move(ended);
                              });
        return out;
    }

    template <typename Condition>
    bool loop_until(Condition condition) {
        return run_until(loop, condition);
    }

    run_outcome finish(const std::shared_ptr<std::optional<run_outcome>>& out) {
        EXPECT_TRUE(loop_until([&] { return out->has_value(); })) << "it did not end";
        if (kept) {
            EXPECT_TRUE(loop_until([&] { return tasks.empty(); }));  // the end of the framing
        }
        boost::asio::post(loop, [this] { tasks.cancel(); });  // as any cancellation, on the loop
        loop_until([&] { return tasks.empty(); });
        return out->value_or(run_outcome{});
    }

    boost::asio::io_context loop{1};
    core::steady_clock_source clock;
    core::task_group tasks{loop.get_executor(), [](const std::string& task, const std::string& what) {
                               ADD_FAILURE() << task << what;
                           }};
    catalog::runtime_traits traits;
    catalog::engine_clocks clocks;
    std::optional<streaming::stream_clocks> learned;  // of `clocks`, when the first run begins
    std::unique_ptr<streaming::stream_protocol> protocol;
    kept_text sink;
    std::optional<streaming::stream_parts::lost_server> lost;
    std::optional<core::nanoseconds> load;
    std::vector<std::string> restarts;
    std::shared_ptr<http::kept_connections> kept;  // null: each call has a connection of its own
    std::string prompt = "hi";
};

}  // namespace corral::engine::tests

#include "corral/fleet/retired_models.hpp"

#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>

#include "scheduler/fake_backend.hpp"

namespace corral::fleet {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class retired_models_test : public testing::Test {
protected:
    ~retired_models_test() override {
        EXPECT_TRUE(test::run_until(io, [this] {
            for (test::fake_backend* const each : gone) {
                each->stops_well = true;
                each->open_gates();
            }
            return retired.not_stopped().empty();
        }));
        retired.close();
        tasks.cancel();
        EXPECT_TRUE(test::run_until(io, [this] { return tasks.empty(); }));
        admission.refuse_new();
        test::settle(io);
    }
    std::unique_ptr<test::fake_backend> made(const std::string& name, std::vector<unsigned> cards) {
        auto out = std::make_unique<test::fake_backend>(io, name);
        out->takes.cards = std::move(cards);
        return out;
    }
    // Its services end once its gates are open. Held, so that it outlives its stop.
    test::fake_backend& retire(std::unique_ptr<test::fake_backend> runtime) {
        test::fake_backend& out = *runtime;
        out.gate_before_stopped = true;
        gone.push_back(&out);
        retired.take(std::move(runtime), {held});
        return out;
    }
    test::fake_backend& retire(const std::string& name, std::vector<unsigned> cards) {
        return retire(made(name, std::move(cards)));
    }
    void let_in(const engine::backend& successor, const std::string& as) {
        retired.when_stopped({&successor}, [this, as] { came.push_back(as); });
    }
    void let_in(const std::string& name, std::vector<unsigned> cards) {
        let_in(*made(name, std::move(cards)), name);
    }
    void end(test::fake_backend& which) {
        test::settle(io);
        which.open_gates();
        EXPECT_TRUE(test::run_until(
            io, [&] { return which.available().state == engine::availability_state::stopped; }));
        test::settle(io);
    }

    boost::asio::io_context io;
    core::steady_clock_source clock;
    core::task_group tasks{io.get_executor(), [](const auto&, const auto& what) { ADD_FAILURE() << what; }};
    scheduler::scheduler admission{io.get_executor(), clock, scheduler::scheduler_options{8}};
    generation::served held = std::make_shared<const generation::served_model>();
    retired_models retired{tasks, admission, clock};
    std::vector<test::fake_backend*> gone;
    std::vector<std::string> came;
};

TEST_F(retired_models_test, a_successor_waits_for_what_is_on_its_card_and_for_nothing_else) {
    test::fake_backend& alpha = retire("alpha:latest", {0});
    test::fake_backend& beta = retire("beta:latest", {1});
    let_in("alpha:latest", {0});
    let_in("beta:latest", {1});
    let_in("wide:latest", {0, 1});
    let_in("third:latest", {2});
    retired.admit_successors();
    EXPECT_THAT(came, ElementsAre("third:latest"));
    end(beta);
    EXPECT_THAT(came, ElementsAre("third:latest", "beta:latest")) << "alpha answers still";
    end(alpha);
    EXPECT_THAT(came, ElementsAre("third:latest", "beta:latest", "alpha:latest", "wide:latest"));
}

TEST_F(retired_models_test, a_successor_waits_for_its_own_model_wherever_that_is) {
    test::fake_backend& alpha = retire("alpha:latest", {0});
    let_in("alpha:latest", {1});
    retired.admit_successors();
    EXPECT_THAT(came, IsEmpty());
    end(alpha);
    EXPECT_THAT(came, ElementsAre("alpha:latest"));
}

TEST_F(retired_models_test, a_compiled_in_port_is_waited_for) {
    auto alpha = made("alpha:latest", {0});
    alpha->takes.port = 8000;
    test::fake_backend& leaves = retire(std::move(alpha));
    const auto beta = made("beta:latest", {1});
    beta->takes.port = 8000;
    let_in(*beta, "beta:latest");
    retired.admit_successors();
    EXPECT_THAT(came, IsEmpty());
    end(leaves);
    EXPECT_THAT(came, ElementsAre("beta:latest"));
}

// The CPU and its memory, which all have.
TEST_F(retired_models_test, without_a_card_all_are_waited_for) {
    test::fake_backend& alpha = retire("alpha:latest", {0});
    test::fake_backend& processor = retire("processor:latest", {});
    let_in("beta:latest", {1});
    let_in("another:latest", {});
    retired.admit_successors();
    EXPECT_THAT(came, IsEmpty());
    end(processor);
    EXPECT_THAT(came, ElementsAre("beta:latest"));
    end(alpha);
    EXPECT_THAT(came, ElementsAre("beta:latest", "another:latest"));
}

TEST_F(retired_models_test, what_runs_on_another_machine_keeps_only_its_own_model_waiting) {
    auto remote = made("remote:latest", {});
    remote->entry.runtime.services.clear();
    test::fake_backend& leaves = retire(std::move(remote));
    let_in("alpha:latest", {0});
    let_in("remote:latest", {0});
    retired.admit_successors();
    EXPECT_THAT(came, ElementsAre("alpha:latest"));
    end(leaves);
    EXPECT_THAT(came, ElementsAre("alpha:latest", "remote:latest"));
}

TEST_F(retired_models_test, what_is_loaded_counts_until_it_has_stopped) {
    const auto leaving = [this] {
        std::vector<std::string> out;
        for (const scheduler::leaving_runtime& each : retired.leaving()) {
            out.push_back(each.model);
        }
        return out;
    };
    auto idle = made("idle:latest", {0});
    idle->set(engine::availability_state::stopped);
    test::fake_backend& asleep = retire(std::move(idle));
    test::fake_backend& alpha = retire("alpha:latest", {0});
    EXPECT_THAT(leaving(), ElementsAre("alpha:latest"));
    EXPECT_THAT(retired.leaving().front().claim.cards, ElementsAre(0U));
    end(alpha);
    EXPECT_THAT(leaving(), IsEmpty());
    end(asleep);
}

// Two reloads in a row: the first one's word would let in what the second has brought.
TEST_F(retired_models_test, a_deployment_is_let_in_as_a_whole) {
    test::fake_backend& alpha = retire("alpha:latest", {0});
    let_in("alpha:latest", {0});
    test::fake_backend& beta = retire("beta:latest", {1});
    let_in(*made("alpha:latest", {1}), "alpha, later");
    retired.admit_successors();
    end(alpha);
    EXPECT_THAT(came, IsEmpty());
    end(beta);
    EXPECT_THAT(came, ElementsAre("alpha:latest", "alpha, later"));
}

// Its process hangs in the driver of its card, say.
TEST_F(retired_models_test, what_cannot_be_stopped_keeps_nobody_waiting_for_ever) {
    auto hung = made("hung:latest", {0});
    hung->stops_well = false;
    test::fake_backend& leaves = retire(std::move(hung));
    leaves.gate_before_stopped = false;
    let_in("beta:latest", {0});
    retired.admit_successors();
    test::settle(io);
    EXPECT_EQ(leaves.stops, 1);
    EXPECT_THAT(came, IsEmpty());
    EXPECT_TRUE(test::run_until(io, [&] { return !came.empty(); }));
    EXPECT_EQ(leaves.stops, 3);
    EXPECT_EQ(retired.not_stopped().size(), 1U) << "the shutdown tries once more";
    let_in("gamma:latest", {0});
    retired.admit_successors();
    EXPECT_THAT(came, ElementsAre("beta:latest", "gamma:latest"));
}

}  // namespace
}  // namespace corral::fleet

// What a configuration becomes before anything runs.
#include <set>

#include "simulated.hpp"

namespace corral::engine {
namespace {

class make_backend : public simulated {};

TEST_F(make_backend, unknown_names_in_a_command_are_said) {
    catalog::service_template runtime = service("runtime");
    runtime.command = {"/bin/true", "{no_such_thing}"};
    entry.runtime.services = {runtime};
    const auto got = find_dialect("ax-poll")->make(context, entry);
    ASSERT_FALSE(got);
    EXPECT_NE(got.error().message.text().find("no_such_thing"), std::string::npos);
    EXPECT_NE(got.error().message.text().find("runtime"), std::string::npos);
    EXPECT_NE(got.error().message.text().find("sim:latest"), std::string::npos);
}

TEST_F(make_backend, a_model_that_was_not_started_is_stopped_and_says_so) {
    make();
    const availability now = made->available();
    EXPECT_EQ(now.state, availability_state::stopped);
    EXPECT_FALSE(now.reason.empty());
    const told got = ask("Hi");
    EXPECT_EQ(got.cause(), "not-ready");
    EXPECT_TRUE(got.outcome.failure->retryable);
}

TEST_F(make_backend, a_program_that_is_missing_is_broken_and_named) {
    make();
    made.reset();
    entry.runtime.services[1].command[0] = "/no/such/program";
    auto built = find_dialect("ax-poll")->make(context, entry);
    ASSERT_TRUE(built);
    made = std::move(built.value());
    made->start();
    ASSERT_TRUE(run_until([this] { return made->available().state == availability_state::broken; }));
    EXPECT_NE(made->available().reason.text().find("/no/such/program"), std::string::npos);
}

TEST_F(make_backend, a_load_is_seen_as_loading_with_its_progress_and_ends_ready) {
    scenario["timing"]["load_ms"] = 600;
    make();
    std::set<availability_state> seen;
    double most = 0;
    made->start();
    EXPECT_TRUE(run_until([&] {
        const availability now = made->available();
        seen.insert(now.state);
        most = std::max(most, now.progress.value_or(0));
        return now.state == availability_state::ready;
    }));
    EXPECT_TRUE(seen.contains(availability_state::loading));
    EXPECT_GT(most, 0.3);
}

TEST_F(make_backend, what_a_server_honours_is_said_in_the_names_of_those_who_ask) {
    entry.runtime.services = {service("runtime")};
    entry.runtime.services[0].command = {"/bin/true"};
    entry.runtime.traits.sampling = {"temperature", "repetition_penalty", "top_k"};
    const auto built = find_dialect("openai-sse")->make(context, entry);
    ASSERT_TRUE(built) << built.error().message;
    const auto names = [&] {
        const auto honoured = (*built)->facts().honoured_sampling;
        return std::vector<std::string_view>(honoured.begin(), honoured.end());
    };
    const std::vector<std::string_view> wanted{"temperature", "repeat_penalty", "top_k"};
    EXPECT_EQ(names(), wanted);
    EXPECT_TRUE((*built)->renew(entry));
    EXPECT_EQ(names(), wanted) << "after a reload";
}

TEST_F(make_backend, an_unknown_dialect_is_none) {
    EXPECT_EQ(find_dialect("no-such"), nullptr);
}

}  // namespace
}  // namespace corral::engine

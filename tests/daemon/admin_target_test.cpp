#include "daemon/admin_verbs.hpp"

#include <gmock/gmock.h>

#include <boost/asio/io_context.hpp>

#include "scheduler/fake_backend.hpp"

namespace corral::daemon {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class admin_targets : public testing::Test {
protected:
    engine::backend* add(const std::string& name, std::vector<catalog::card_set> card_sets = {{}}) {
        for (const catalog::card_set& cards : card_sets) {
            auto made = std::make_unique<test::fake_backend>(io, name);
            made->entry.card_sets = card_sets;
            made->entry.cards = cards;
            admission.add(*made);
            backends.push_back(std::move(made));
        }
        offer(name, name);
        return backends.back().get();
    }
    void offer(const std::string& name, const std::string& deployment) {
        generation::served_model one;
        one.name = name;
        one.deployment = deployment;
        models.put(std::move(one));
    }
    [[nodiscard]] admin_target of(const std::string& target) const {
        return resolve_target({backends, models, admission}, target);
    }

    boost::asio::io_context io;
    core::steady_clock_source clock;
    std::vector<std::unique_ptr<engine::backend>> backends;  // outlive the scheduler
    scheduler::scheduler admission{io.get_executor(), clock, {}};
    generation::model_directory models{{}};
};

TEST_F(admin_targets, without_a_name_are_all_models_once_each) {
    add("a:latest", {{0}, {1}});
    add("b:latest");
    const admin_target all = resolve_target({backends, models, admission}, "");
    EXPECT_THAT(all.models, ElementsAre("a:latest", "b:latest"));
    EXPECT_THAT(all.problem, IsEmpty());
}

TEST_F(admin_targets, are_named_as_clients_name_models) {
    add("qwen3:4b");
    offer("gpt-4:latest", "qwen3:4b");
    EXPECT_THAT(of("Qwen3:4B").models, ElementsAre("qwen3:4b"));
    EXPECT_THAT(of("gpt-4").models, ElementsAre("qwen3:4b"));
}

TEST_F(admin_targets, can_be_one_instance_by_its_cards) {
    add("qwen3:4b", {{0}, {1}});
    const admin_target one = of("qwen3:4b@1");
    EXPECT_THAT(one.models, ElementsAre("qwen3:4b"));
    EXPECT_EQ(one.label, "qwen3:4b@1");
    EXPECT_THAT(of("qwen3:4b@7").problem, HasSubstr("there is no model"));
}

TEST_F(admin_targets, that_nobody_knows_say_what_may_be_meant_and_what_there_is) {
    add("qwen3:4b");
    EXPECT_THAT(of("qwen3:4c").problem, HasSubstr("there is no model 'qwen3:4c'; did you mean 'qwen3:4b'?"));
    EXPECT_THAT(of("\x1b[31m").problem, testing::Not(HasSubstr("\x1b")));
}

TEST_F(admin_targets, are_refused_while_the_server_shuts_down) {
    add("qwen3:4b");
    admission.refuse_new();
    EXPECT_EQ(of("qwen3:4b").problem, "the server is shutting down");
}

}  // namespace
}  // namespace corral::daemon

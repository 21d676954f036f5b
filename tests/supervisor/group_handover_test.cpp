// A group goes from one supervisor to the next as it does from one image of the program to another: the first
// is never told, as if it had never been.

#include <fcntl.h>

#include "group_fixture.hpp"

namespace corral::supervisor {
namespace {

using group_handover_test = group_fixture;

// What an exec does to the first image: its objects go without a word, its descriptors stay. Here they are
// copied and the first image's tasks are left to a loop that never turns again.
class before_exec {
public:
    explicit before_exec(process::warden& guard) {
        context.on = io->get_executor();
        context.clock = &clock;
        context.random = &random;
        context.guard = &guard;
        context.tasks = tasks;
    }
    // On purpose neither loop nor tasks nor group are destroyed.
    boost::asio::io_context* io = new boost::asio::io_context(1);
    core::task_group* tasks =
        new core::task_group(io->get_executor(), [](const std::string&, const std::string&) {});
    core::steady_clock_source clock;
    core::seeded_random random{3};
    supervisor_context context;
    std::shared_ptr<group>* const made = new std::shared_ptr<group>;

    bool becomes_ready(const group_spec& wanted) {
        *made = make_group(context, wanted);
        (*made)->start();
        const auto end = std::chrono::steady_clock::now() + patience;
        while (!(*made)->ready() && std::chrono::steady_clock::now() < end) {
            io->restart();
            io->run_one_for(std::chrono::milliseconds(20));
        }
        return (*made)->ready();
    }
    group_handover left() const {
        group_handover out = (*made)->hand_over().value();
        for (service_handover& service : out.services) {
            service.process.out = ::fcntl(service.process.out, F_DUPFD_CLOEXEC, 3);
            service.process.err = ::fcntl(service.process.err, F_DUPFD_CLOEXEC, 3);
        }
        return out;
    }
};

TEST_F(group_handover_test, a_stopped_or_loading_group_has_nothing_to_hand_over) {
    add("only");
    make();
    EXPECT_FALSE(made->hand_over());
    made->start();
    EXPECT_FALSE(made->hand_over());
}

TEST_F(group_handover_test, an_adopted_group_is_ready_with_the_same_processes) {
    add("tokenizer");
    add("runtime");
    static before_exec first(guard);
    ASSERT_TRUE(first.becomes_ready(wanted));
    const auto before = (*first.made)->status();
    auto adopted = adopt_group(context, wanted, first.left());
    ASSERT_TRUE(adopted) << adopted.error().message;
    made = std::move(*adopted);
    made->add_observer(&heard);
    EXPECT_TRUE(made->ready());
    EXPECT_TRUE(verified());
    for (std::size_t index = 0; index < 2; ++index) {
        EXPECT_EQ(status(index).pid, before[index].pid);
        EXPECT_EQ(status(index).starts, before[index].starts);
        EXPECT_EQ(status(index).since, before[index].since);
    }
    EXPECT_NE(printed("runtime").find("started as process"), std::string::npos) << "its last lines are kept";
    made->start();
    EXPECT_TRUE(made->ready()) << "a start finds it started";
    EXPECT_TRUE(stop());
    EXPECT_FALSE(process_lives(before[0].pid));
    EXPECT_FALSE(process_lives(before[1].pid));
}

TEST_F(group_handover_test, an_adopted_process_that_died_in_between_is_restarted) {
    add("only");
    static before_exec first(guard);
    ASSERT_TRUE(first.becomes_ready(wanted));
    const pid_t old = (*first.made)->status()[0].pid;
    const group_handover left = first.left();
    ::kill(old, SIGKILL);
    auto adopted = adopt_group(context, wanted, left);
    ASSERT_TRUE(adopted) << adopted.error().message;
    made = std::move(*adopted);
    EXPECT_TRUE(run_until([&] { return status().pid != old && made->ready(); })) << status().reason;
    EXPECT_EQ(status().starts, left.services[0].starts + 1);
    EXPECT_TRUE(stop());
}

TEST_F(group_handover_test, what_is_not_ours_is_not_adopted) {
    add("only");
    service_handover strange;
    strange.name = "only";
    strange.port = wanted.services[0].endpoint.port();
    strange.starts = 1;
    for (const pid_t pid : {pid_t{1}, ::getpid(), ::getppid(), pid_t{0x3fffffff}, pid_t{-1}}) {
        strange.process = {pid, -1, -1, false};
        const auto adopted = adopt_group(context, wanted, group_handover{{strange}});
        EXPECT_FALSE(adopted) << pid;
    }
    EXPECT_FALSE(adopt_group(context, wanted, group_handover{})) << "no service";
    strange.name = "another";
    EXPECT_FALSE(adopt_group(context, wanted, group_handover{{strange}}));
}

}  // namespace
}  // namespace corral::supervisor

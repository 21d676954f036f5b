// A loaded model goes from one image of the program to the next.

#include <fcntl.h>

#include "simulated.hpp"

namespace corral::engine {
namespace {

class handover_test : public simulated {
protected:
    [[nodiscard]] std::string fingerprint() const { return find_dialect("ax-poll")->fingerprint(entry); }

    // What an exec does to the first image: its objects go without a word, its descriptors stay. Here they
    // are copied, and the first image is left to a loop that never turns again.
    backend_handover left_by_first_image() {
        struct first_image {
            boost::asio::io_context io{1};
            core::task_group tasks{io.get_executor(), [](const std::string&, const std::string&) {}};
            std::unique_ptr<backend> made;
        };
        // Found by a leak check at the end, for it goes by no destructor.
        static auto* const never_destroyed = new std::vector<first_image*>;
        auto* const first = never_destroyed->emplace_back(new first_image);
        supervisor::supervisor_context before = context;
        before.on = first->io.get_executor();
        before.clock = &steady;
        before.random = &chance;
        before.tasks = &first->tasks;
        first->made = find_dialect("ax-poll")->make(before, entry).value();
        EXPECT_FALSE(first->made->hand_over()) << "it is not started";
        first->made->start();
        EXPECT_FALSE(first->made->hand_over()) << "it loads";
        corral::run_until(
            first->io, [&] { return first->made->services().ready(); }, patience);
        std::optional<backend_handover> left;
        corral::run_until(
            first->io, [&] { return (left = first->made->hand_over()).has_value(); }, patience);
        const auto copy = [](int& fd) { fd = ::fcntl(fd, F_DUPFD_CLOEXEC, 3); };
        for (supervisor::service_handover& service : left.value().services.services) {
            copy(service.process.out);
            copy(service.process.err);
        }
        copy(left->tap);
        return *left;
    }

    static inline core::steady_clock_source steady;
    static inline core::seeded_random chance{5};
};

TEST_F(handover_test, a_fingerprint_stands_for_what_a_process_is_started_with) {
    make();
    const std::string first = fingerprint();
    EXPECT_FALSE(first.empty());
    made.reset();
    make();
    EXPECT_EQ(fingerprint(), first) << "whatever ports the kernel gave";
    entry.runtime.clocks.idle_grace += milliseconds{1};
    entry.default_system = "Another.";
    EXPECT_EQ(fingerprint(), first) << "no process is told of these";
    const catalog::model_entry before = entry;
    const std::vector<std::function<void()>> changes{
        [this] { entry.runtime.services[1].command.push_back("--more"); },
        [this] { entry.runtime.services[1].environment["MORE"] = "1"; },
        [this] { entry.runtime.services[0].working_directory = "/"; },
        [this] { entry.runtime.services[1].pty = false; },
        [this] { entry.runtime.services[1].limits.memory_mb = 100; },
        [this] { entry.runtime.services[0].port = 8123; },
        [this] { entry.runtime.services[0].guard = catalog::guard_mode::off; },
        [this] { entry.runtime.tokenizer_tap = false; },
    };
    for (std::size_t index = 0; index < changes.size(); ++index) {
        entry = before;
        changes[index]();
        EXPECT_NE(fingerprint(), first) << index;
    }
}

TEST_F(handover_test, so_does_that_of_a_server_that_streams) {
    catalog::service_template runtime = service("runtime");
    runtime.command = {"/bin/true", "{port}"};
    runtime.more_ports = {"management_port"};
    entry.runtime.services = {runtime};
    for (const char* const dialect : {"openai-sse", "ax-sse", "rkllm-flask"}) {
        const auto print = find_dialect(dialect)->fingerprint;
        const std::string first = print(entry);
        EXPECT_FALSE(first.empty());
        EXPECT_EQ(print(entry), first);
        catalog::model_entry other = entry;
        other.runtime.services[0].command.emplace_back("--more");
        EXPECT_NE(print(other), first);
    }
}

TEST_F(handover_test, ports_that_were_not_handed_over_are_said) {
    catalog::service_template runtime = service("runtime");
    runtime.command = {"/bin/true", "{port}"};
    runtime.more_ports = {"management_port"};
    entry.runtime.services = {runtime};
    backend_handover from;
    from.ports["runtime"] = 12345;
    const auto adopted = find_dialect("openai-sse")->adopt(context, entry, from);
    ASSERT_FALSE(adopted);
    EXPECT_NE(adopted.error().message.text().find("was not handed over"), std::string::npos);
    from.ports["management_port"] = 12346;
    const auto without_processes = find_dialect("openai-sse")->adopt(context, entry, from);
    ASSERT_FALSE(without_processes);
    EXPECT_NE(without_processes.error().message.text().find("other services"), std::string::npos);
}

TEST_F(handover_test, an_adopted_model_answers_at_once_without_a_first_test) {
    make();
    made.reset();
    const backend_handover left = left_by_first_image();
    EXPECT_EQ(left.fingerprint, fingerprint());
    const auto runs = [this] {
        return control_of("runtime", {{"cmd", "runs"}, {"since", 0}})["runs"].size();
    };
    const std::size_t before = runs();
    auto adopted = find_dialect("ax-poll")->adopt(context, entry, left);
    ASSERT_TRUE(adopted) << adopted.error().message;
    made = std::move(adopted.value());
    EXPECT_EQ(made->available().state, availability_state::ready);
    EXPECT_EQ(runtime_pid(), left.services.services[1].process.pid);
    EXPECT_GT(made->facts().context_length, 0U) << "what the runtime printed while it loaded is known";
    EXPECT_TRUE(made->facts().takes_verbatim);
    const told got = ask("[[text=the same model]]");
    EXPECT_EQ(got.text, "the same model");
    EXPECT_TRUE(got.outcome.progress.usage.prompt_tokens > 0);
    EXPECT_EQ(runs(), before + 1);
    expect_clean();
}

TEST_F(handover_test, a_tokenizer_that_dies_after_it_is_healed_behind_the_tap) {
    make();
    made.reset();
    auto adopted = find_dialect("ax-poll")->adopt(context, entry, left_by_first_image());
    ASSERT_TRUE(adopted) << adopted.error().message;
    made = std::move(adopted.value());
    const pid_t runtime = runtime_pid();
    const pid_t old = tokenizer_pid();
    ::kill(old, SIGKILL);
    ASSERT_TRUE(run_until([&] { return tokenizer_pid() != old && made->services().ready(); }));
    EXPECT_EQ(ask("[[text=healed]]").text, "healed");
    EXPECT_EQ(runtime_pid(), runtime);
}

}  // namespace
}  // namespace corral::engine

#include <cstdio>
#include <fstream>

#include "corral/http/client.hpp"
#include "supervisor/group_fixture.hpp"

namespace corral::supervisor {
namespace {

using group_start = group_fixture;

core::awaitable<core::result<void>> pass(int* asked) {
    ++*asked;
    co_return core::result<void>{};
}

core::awaitable<core::result<void>> refuse(int* asked) {
    ++*asked;
    co_return core::make_failure(core::errc::unavailable, core::reason::unlisted("no text came"));
}

core::awaitable<core::result<void>> ask(boost::asio::ip::tcp::endpoint at) {
    http::client_call call;
    call.to = at;
    call.until = core::deadline::after(patience, std::chrono::steady_clock::now());
    auto calling = http::call(std::move(call));
    const core::result<http::client_reply> reply = co_await std::move(calling);
    if (!reply) {
        co_return reply.error();
    }
    co_return core::result<void>{};
}

// A second process beside the service; killed at the end.
class bystander {
public:
    bystander(std::uint16_t port, const std::string& more) {
        const std::string command = "exec python3 " CORRAL_TEST_PROGRAMS "/tiny_server.py --port " +
                                    std::to_string(port) + " " + more;
        pipe_ = ::popen(("echo $$; " + command).c_str(), "r");
        char line[64] = {};
        pid_ = std::fgets(line, sizeof line, pipe_) != nullptr ? std::atoi(line) : 0;
        EXPECT_NE(std::fgets(line, sizeof line, pipe_), nullptr);
        EXPECT_EQ(std::string(line), "listening\n");
    }
    bystander(const bystander&) = delete;
    bystander& operator=(const bystander&) = delete;
    ~bystander() { leave(); }
    void leave() {
        if (pid_ > 0) {
            ::kill(pid_, SIGKILL);
            ::pclose(pipe_);
            pid_ = 0;
        }
    }
    [[nodiscard]] std::string named() const { return "(pid " + std::to_string(pid_) + ")"; }

private:
    std::FILE* pipe_ = nullptr;
    pid_t pid_ = 0;
};

TEST_F(group_start, ready_means_listening_answering_and_tested) {
    int asked = 0;
    add("runtime", {"--delay", "0.2", "--bar", "4"}).self_test = [&asked] { return pass(&asked); };
    start();
    EXPECT_FALSE(made->ready());
    EXPECT_EQ(status().state, service_state::starting);
    EXPECT_EQ(wait_ready(), "");
    EXPECT_TRUE(made->ready());
    EXPECT_EQ(asked, 1);
    EXPECT_EQ(starts(), 1U);
    EXPECT_TRUE(process_lives(status().pid));
    EXPECT_TRUE(verified());
    EXPECT_NE(heard.output.find("listening"), std::string::npos);
    EXPECT_NE(printed("runtime").find("100% | ####"), std::string::npos) << printed("runtime");
    EXPECT_TRUE(stop());
}

TEST_F(group_start, shows_how_far_a_load_is) {
    add("runtime", {"--delay", "0.6", "--bar", "3"});
    start();
    EXPECT_TRUE(run_until([this] { return status().progress && *status().progress > 0.5; }));
    EXPECT_LT(*status().progress, 1.0);
    EXPECT_EQ(wait_ready(), "");
    EXPECT_FALSE(status().progress);
}

TEST_F(group_start, each_service_starts_when_the_one_before_is_ready) {
    add("tokenizer", {"--delay", "0.1"});
    add("runtime");
    start();
    EXPECT_EQ(status(1).state, service_state::waiting);
    EXPECT_NE(status(1).reason.text().find("tokenizer"), std::string::npos);
    EXPECT_EQ(wait_ready(), "");
    run_until([this] { return !heard.history.empty() && heard.history.back() == "runtime ready"; });
    EXPECT_EQ(heard.told(),
              "tokenizer starting; runtime waiting; tokenizer starting; tokenizer ready; runtime starting; "
              "runtime ready; ")
        << "in this order";
}

TEST_F(group_start, a_failed_first_test_is_never_ready) {
    int asked = 0;
    add("runtime").self_test = [&asked] { return refuse(&asked); };
    wanted.restart.intensity = 1;
    start();
    const std::string why = wait_ready();
    EXPECT_NE(why.find("no text came"), std::string::npos) << why;
    EXPECT_EQ(asked, 2) << "one restart, then the breaker";
    EXPECT_EQ(heard.told().find("ready;"), std::string::npos) << heard.told();
}

TEST_F(group_start, a_probe_with_the_wrong_status_is_no_answer) {
    add("runtime", {"--status", "500"}).rules.start_limit = std::chrono::seconds{8};
    wanted.restart.intensity = 0;
    start();
    const std::string why = wait_ready();
    EXPECT_NE(why.find("status 500"), std::string::npos) << why;
}

TEST_F(group_start, a_start_that_stands_still_ends) {
    auto& service = add("runtime", {"--never-listen"});
    service.rules.start_stall = milliseconds{500};
    wanted.restart.intensity = 0;
    start();
    const pid_t pid = status().pid;
    const std::string why = wait_ready();
    EXPECT_NE(why.find("no sign of progress for 0.5 s"), std::string::npos) << why;
    EXPECT_FALSE(process_lives(pid));
}

TEST_F(group_start, progress_keeps_a_slow_start_alive) {
    auto& service = add("runtime", {"--delay", "6", "--bar", "30"});
    service.rules.start_stall = milliseconds{5500};  // its interpreter alone may take two seconds
    wanted.restart.intensity = 0;
    start();
    EXPECT_EQ(wait_ready(), "");
}

TEST_F(group_start, a_fatal_line_ends_a_start_with_its_cause) {
    auto& service = add("runtime", {"--say", "[E] init 365 read_file", "--delay", "60"});
    service.rules.lines = {{"read_file", "a layer file is missing", "fetch the package again", true}};
    wanted.restart.intensity = 0;
    start();
    const std::string why = wait_ready();
    EXPECT_NE(why.find("a layer file is missing"), std::string::npos) << why;
    EXPECT_NE(why.find("fetch the package again"), std::string::npos) << why;
}

TEST_F(group_start, the_same_line_printed_after_the_first_test_began_changes_nothing) {
    auto& service = add("runtime", {"--say-when-asked", "[E] read_file: words of a prompt"});
    service.rules.lines = {{"read_file", "a layer file is missing", "", true}};
    service.self_test = [at = service.endpoint] { return ask(at); };
    start();
    ASSERT_EQ(wait_ready(), "");
    ASSERT_TRUE(run_until([this] { return heard.output.find("read_file") != std::string::npos; }));
    run_until([] { return false; }, std::chrono::milliseconds(100));
    EXPECT_TRUE(made->ready());
    EXPECT_EQ(starts(), 1U);
    EXPECT_EQ(printed("runtime").find("words of a prompt"), std::string::npos) << "counted, not kept";
    EXPECT_TRUE(stop());
    EXPECT_NE(printed("runtime").find("1 lines were not kept"), std::string::npos) << printed("runtime");
}

TEST_F(group_start, what_is_printed_by_a_service_that_serves_is_not_kept_though_it_had_no_first_test) {
    auto& service = add("tokenizer", {"--say-when-asked", "words of a prompt"});
    const auto at = service.endpoint;
    start();
    ASSERT_EQ(wait_ready(), "");
    ASSERT_TRUE(run(ask(at)));
    ASSERT_TRUE(run_until([this] { return heard.output.find("words of a prompt") != std::string::npos; }));
    EXPECT_EQ(printed("tokenizer").find("words of a prompt"), std::string::npos) << "counted, not kept";
}

TEST_F(group_start, with_leave_the_content_is_kept) {
    auto& service = add("runtime", {"--say-when-asked", "words of a prompt"});
    service.self_test = [at = service.endpoint] { return ask(at); };
    context.log_content = true;
    start();
    ASSERT_EQ(wait_ready(), "");
    EXPECT_TRUE(
        run_until([this] { return printed("runtime").find("words of a prompt") != std::string::npos; }));
}

TEST_F(group_start, a_success_status_where_none_is_due_has_its_meaning) {
    auto& service = add("runtime", {"--say", "Server running on port 8000...", "--exit", "0"});
    service.rules.exits = {{0, "its port could not be bound", "free the port"}};
    wanted.restart.intensity = 0;
    start();
    const std::string why = wait_ready();
    EXPECT_NE(why.find("its port could not be bound"), std::string::npos) << why;
    EXPECT_NE(why.find("free the port"), std::string::npos) << why;
}

TEST_F(group_start, what_it_printed_last_is_kept_and_explains_its_end) {
    auto& service = add("runtime", {"--say", "first words", "--say", "no card found", "--exit", "255"});
    service.rules.lines = {{"no card", "there is no device", "look at lspci", false}};
    wanted.restart.intensity = 0;
    start();
    const std::string why = wait_ready();
    EXPECT_NE(why.find("255"), std::string::npos) << why;
    EXPECT_NE(why.find("there is no device"), std::string::npos) << why;
    EXPECT_NE(printed("runtime").find("first words\nno card found\n"), std::string::npos)
        << printed("runtime");
}

TEST_F(group_start, a_program_that_can_not_run_is_named_once_and_not_retried) {
    const auto pointer = folder / "main_api";
    std::ofstream(pointer) << "version https://git-lfs.github.com/spec/v1\noid sha256:"
                           << std::string(64, 'a') << "\nsize 1816560\n";
    std::filesystem::permissions(pointer, std::filesystem::perms::owner_all);
    add("runtime").command.command[0] = pointer.string();
    start();
    const std::string why = wait_ready();
    EXPECT_NE(why.find("main_api"), std::string::npos) << why;
    EXPECT_NE(why.find("LFS"), std::string::npos) << why;
    EXPECT_FALSE(run_until([this] { return status().starts > 0; }, std::chrono::milliseconds(300)));
    EXPECT_EQ(status().state, service_state::broken);
    EXPECT_EQ(heard.told(), "runtime starting; runtime broken; ") << "no restart storm";
    EXPECT_TRUE(status().next_try);
    EXPECT_TRUE(stop());
}

TEST_F(group_start, a_taken_port_is_named_and_nothing_is_started) {
    for (const char* how : {"", "--reuse-port"}) {
        wanted.services.clear();
        auto& service = add("runtime", {"--reuse-port"});
        bystander other(service.endpoint.port(), how);
        start();
        const std::string why = wait_ready();
        EXPECT_NE(why.find(std::to_string(service.endpoint.port())), std::string::npos) << why;
        EXPECT_NE(why.find("python3"), std::string::npos) << why;
        EXPECT_NE(why.find(other.named()), std::string::npos) << why;
        EXPECT_EQ(status().starts, 0U);
        other.leave();
        made->start();
        EXPECT_EQ(wait_ready(), "") << "once the port is free";
        EXPECT_TRUE(stop());
    }
}

TEST_F(group_start, a_twin_that_shares_the_port_is_found_before_the_first_prompt) {
    int asked = 0;
    auto& service = add("runtime", {"--reuse-port", "--delay", "1.5"});
    service.self_test = [&asked] { return pass(&asked); };
    start();
    bystander twin(service.endpoint.port(), "--reuse-port");
    const std::string why = wait_ready();
    EXPECT_NE(why.find(twin.named()), std::string::npos) << why;
    EXPECT_EQ(asked, 0) << "no prompt may reach it";
    EXPECT_EQ(status().pid, 0);
}

TEST_F(group_start, a_twin_that_comes_later_ends_readiness) {
    auto& service = add("runtime", {"--reuse-port"});
    service.rules.guard = catalog::guard_mode::off;  // it would not share its port
    start();
    ASSERT_EQ(wait_ready(), "");
    bystander twin(service.endpoint.port(), "--reuse-port");
    EXPECT_FALSE(verified()) << "seen at once by who asks";
    EXPECT_FALSE(made->ready());
    EXPECT_TRUE(reaches(service_state::broken));
    EXPECT_NE(status().reason.text().find(twin.named()), std::string::npos) << status().reason;
}

// Every user of the box can: the service's own address is 127.0.0.1.
TEST_F(group_start, a_program_at_another_address_of_loopback_ends_nobody) {
    auto& service = add("runtime");
    start();
    ASSERT_EQ(wait_ready(), "");
    bystander beside(service.endpoint.port(), "--bind 127.0.0.2");
    EXPECT_TRUE(verified());
    run_until([] { return false; }, std::chrono::milliseconds(1200));  // past the next look of the supervisor
    EXPECT_TRUE(made->ready());
    EXPECT_EQ(starts(), 1U);
}

TEST_F(group_start, a_twin_is_noticed_without_being_asked) {
    auto& service = add("runtime", {"--reuse-port"});
    service.rules.guard = catalog::guard_mode::off;  // it would not share its port
    start();
    ASSERT_EQ(wait_ready(), "");
    bystander twin(service.endpoint.port(), "--reuse-port");
    EXPECT_TRUE(reaches(service_state::broken));
}

TEST_F(group_start, a_service_open_to_everyone_is_warned_of) {
    add("runtime", {"--bind", "0.0.0.0"}).rules.guard = catalog::guard_mode::off;
    start();
    ASSERT_EQ(wait_ready(), "");
    EXPECT_NE(status().warning.find("every interface"), std::string::npos);
}

TEST_F(group_start, waiting_has_an_end_and_tells_what_it_waited_for) {
    add("runtime", {"--delay", "60"});
    start();
    const std::string why = wait_ready(std::chrono::milliseconds(200));
    EXPECT_NE(why.find("not ready in time"), std::string::npos) << why;
    EXPECT_NE(why.find("runtime is starting"), std::string::npos) << why;
}

}  // namespace
}  // namespace corral::supervisor

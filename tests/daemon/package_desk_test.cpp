// Against a program that is a shell script, in the place of our own.

#include "corral/daemon/package_desk.hpp"

#include <sys/stat.h>

#include <chrono>
#include <fstream>
#include <iterator>

#include <gmock/gmock.h>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "catalog/temporary_folder.hpp"
#include "run_until.hpp"

namespace corral::daemon {
namespace {

using core::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;

process::warden& the_warden() {
    static auto* const started = new core::result<process::warden>(process::warden::start());
    return started->value();
}

// What an asker heard.
struct asker {
    std::vector<std::string> lines;
    std::string error;
    bool over = false;
    std::unique_ptr<api::pull_watch> watch;
};

class package_desk_test : public ::testing::Test {
protected:
    ~package_desk_test() override {
        boost::asio::post(io, [this] { tasks.cancel(); });
        EXPECT_TRUE(run_until([this] { return tasks.empty(); }));
        EXPECT_EQ(task_errors, "");
    }
    template <typename Condition>
    bool run_until(Condition condition) {
        return corral::run_until(io, condition);
    }
    // $1 is the command, $2 the model.
    void program_is(const std::string& script, milliseconds silence = milliseconds(30'000)) {
        const auto path = folder.path() / "corral";
        std::ofstream(path) << "#!/bin/sh\ncd '" << folder.path().string() << "'\n" << script << "\n";
        ::chmod(path.c_str(), 0755);
        desk = std::make_unique<package_desk>(
            tasks, clock, the_warden(),
            desk_options{path.string(), {"--config", "/c.toml"}, silence, milliseconds(200)});
    }
    core::awaitable<void> listen(std::string name, std::string client, asker* to) {
        auto beginning = desk->pull(std::move(name), std::move(client));
        auto watch = co_await std::move(beginning);
        if (!watch) {
            to->error = watch.error().message;
            to->over = true;
            co_return;
        }
        to->watch = std::move(*watch);
        while (to->watch) {
            auto reading = to->watch->next();
            auto line = co_await std::move(reading);
            if (!line || !*line) {
                to->error = line ? std::string() : line.error().message.text();
                break;
            }
            to->lines.push_back(**line);
        }
        to->over = true;
        to->watch.reset();
    }
    std::shared_ptr<asker> ask(const std::string& name, const std::string& client = "anna") {
        auto out = std::make_shared<asker>();
        asking.spawn(name, listen(name, client, out.get()));
        return out;
    }
    // All who ask.
    void leave() {
        boost::asio::post(io, [this] { asking.cancel(); });
    }
    std::string text_of(const std::string& name) const {
        std::ifstream in(folder.path() / name);
        return {std::istreambuf_iterator<char>(in), {}};
    }

    tests::temporary_folder folder;
    boost::asio::io_context io{1};
    core::steady_clock_source clock;
    std::string task_errors;
    core::task_group asking{io.get_executor(), [](const std::string&, const std::string&) {}};
    core::task_group tasks{io.get_executor(),
                           [this](const std::string&, const std::string& what) { task_errors += what; }};
    std::unique_ptr<package_desk> desk;
};

constexpr const char* good_pull = R"(echo "$@" >> calls
echo '{"status":"pulling manifest"}'
echo '{"status":"pulling aa","digest":"sha256:aa","total":9,"completed":9}'
while [ -e hold ]; do sleep 0.02; done
echo '{"status":"success"}')";

TEST_F(package_desk_test, tells_what_the_command_says_and_the_end) {
    program_is(good_pull);
    const auto one = ask("qwen3:4b");
    ASSERT_TRUE(run_until([&] { return one->over; }));
    EXPECT_EQ(one->error, "");
    EXPECT_THAT(one->lines,
                ElementsAre(R"({"status":"pulling manifest"})",
                            R"({"status":"pulling aa","digest":"sha256:aa","total":9,"completed":9})",
                            R"({"status":"success"})"));
    EXPECT_EQ(text_of("calls"), "pull qwen3:4b --json --name qwen3:4b --config /c.toml\n");
    EXPECT_EQ(desk->busy(), 0U);
}

TEST_F(package_desk_test, has_one_command_for_two_who_ask) {
    folder.write("hold", "");
    program_is(good_pull);
    const auto one = ask("qwen3:4b");
    ASSERT_TRUE(run_until([&] { return one->lines.size() == 2; }));
    const auto other = ask("Qwen3:4B", "bert");
    ASSERT_TRUE(run_until([&] { return other->lines.size() == 2; }));
    std::filesystem::remove(folder.path() / "hold");
    ASSERT_TRUE(run_until([&] { return one->over && other->over; }));
    EXPECT_EQ(one->lines, other->lines);
    EXPECT_EQ(text_of("calls"), "pull qwen3:4b --json --name qwen3:4b --config /c.toml\n");
}

TEST_F(package_desk_test, ends_the_command_when_the_last_one_leaves_and_begins_again_when_asked) {
    folder.write("hold", "");
    program_is("trap 'echo ended >> calls; exit 1' TERM\n" + std::string(good_pull));
    const auto one = ask("m");
    ASSERT_TRUE(run_until([&] { return one->lines.size() == 2; }));
    leave();
    ASSERT_TRUE(run_until([&] { return desk->busy() == 0; }));
    EXPECT_THAT(text_of("calls"), HasSubstr("ended\n"));
    std::filesystem::remove(folder.path() / "hold");
    const auto again = ask("m");
    ASSERT_TRUE(run_until([&] { return again->over; }));
    EXPECT_EQ(again->lines.size(), 3U);
}

TEST_F(package_desk_test, kills_a_command_that_does_not_go) {
    program_is("trap '' TERM\necho '{\"status\":\"pulling manifest\"}'\nwhile true; do sleep 0.05; done");
    const auto one = ask("m");
    ASSERT_TRUE(run_until([&] { return one->lines.size() == 1; }));
    leave();
    EXPECT_TRUE(run_until([&] { return desk->busy() == 0; }));
}

TEST_F(package_desk_test, gives_the_words_of_a_failure) {
    program_is("echo '{\"status\":\"pulling manifest\"}'\necho '{\"error\":\"the hub is away\"}'\nexit 1");
    const auto one = ask("m");
    ASSERT_TRUE(run_until([&] { return one->over; }));
    EXPECT_EQ(one->error, "the hub is away");
    program_is("echo oh no >&2\nexit 3");
    const auto mute = ask("m");
    ASSERT_TRUE(run_until([&] { return mute->over; }));
    EXPECT_EQ(mute->error, "the pull ended early (exit status 3): oh no");
    program_is("echo '{\"status\":\"success\"}'\nexit 1");
    const auto liar = ask("m");
    ASSERT_TRUE(run_until([&] { return liar->over; }));
    EXPECT_THAT(liar->lines, testing::IsEmpty());
    EXPECT_EQ(liar->error, "the pull ended early (exit status 1)");
}

TEST_F(package_desk_test, ends_a_command_that_says_nothing) {
    program_is("sleep 60", milliseconds(100));
    const auto one = ask("m");
    ASSERT_TRUE(run_until([&] { return one->over; }));
    EXPECT_THAT(one->error, HasSubstr("made no progress for too long"));
}

TEST_F(package_desk_test, is_bounded_for_one_client_and_for_all) {
    folder.write("hold", "");
    program_is(good_pull);
    const std::vector<std::shared_ptr<asker>> kept{ask("a"), ask("b"), ask("c", "bert"), ask("d", "bert")};
    ASSERT_TRUE(run_until([&] { return desk->busy() == 4; }));
    for (const auto& [name, client] :
         std::vector<std::pair<std::string, std::string>>{{"e", "carl"}, {"c", "anna"}}) {
        const auto refused = ask(name, client);
        ASSERT_TRUE(run_until([&] { return refused->over; }));
        EXPECT_THAT(refused->error, HasSubstr("as many pulls as it allows"));
    }
    std::filesystem::remove(folder.path() / "hold");
    EXPECT_TRUE(run_until([&] { return desk->busy() == 0; }));
}

TEST_F(package_desk_test, removes_by_a_command_and_gives_its_words) {
    const auto remove = [this](const std::string& name) {
        std::optional<core::result<void>> out;
        asking.spawn("rm",
                     [](package_desk* from, std::string what,
                        std::optional<core::result<void>>* to) -> core::awaitable<void> {
                         auto going = from->remove(std::move(what));
                         *to = co_await std::move(going);
                     }(desk.get(), name, &out));
        EXPECT_TRUE(run_until([&] { return out.has_value(); }));
        return *out;
    };
    program_is("echo \"$@\" >> calls");
    EXPECT_TRUE(remove("m:1b"));
    EXPECT_EQ(text_of("calls"), "rm m:1b --files --yes --json --config /c.toml\n");
    program_is("printf '{\\n \"ok\": false,\\n \"error\": \"no pull brought it\"\\n}\\n'\nexit 1");
    const auto refused = remove("m:1b");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().message, "no pull brought it");
    EXPECT_EQ(refused.error().code, core::errc::refused);
}

}  // namespace
}  // namespace corral::daemon

#include "cli/help/completion.hpp"

#include <gmock/gmock.h>
#include <CLI/CLI.hpp>

#include "cli/help/man_page.hpp"

namespace corral::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class command_tree : public testing::Test {
protected:
    command_tree() {
        CLI::App* logs = tree_.add_subcommand("logs", "Show lines");
        logs->add_option("service", text_, "Whose")->type_name("SERVICE");
        logs->add_flag("-f,--follow", flag_, "Go on.\nFor long");
        logs->add_option("-n,--lines", text_, "How many");
        logs->add_option("--crash", text_, "Of a crash")->expected(0, 1);
        logs->add_option("--config", text_, "It's the .file\\")->type_name("FILE");
        logs->add_option("--state", text_, "Where")->type_name("DIR");
        CLI::App* key = tree_.add_subcommand("key", "Keys");
        key->add_subcommand("new", "Make one")->add_option("name", text_, "Whose")->required();
        key->add_subcommand("list", "List them");
        tree_.add_subcommand("completion", "Script")->add_option("shell", text_)->type_name("bash|zsh");
        tree_.add_subcommand("secret", "Not for people")->group("");
    }
    std::vector<std::string> words(const std::vector<std::string>& typed) {
        std::vector<std::string> out;
        const auto names = [&](const std::string& kind, const std::string&) {
            ++asked_;
            return std::vector<std::string>{kind == "SERVICE" ? "a:1/runtime" : "a:1", "b:2"};
        };
        last_ = complete(tree_, typed, names);
        for (const candidate& one : last_.candidates) {
            out.push_back(one.word);
        }
        return out;
    }

    CLI::App tree_{"A tree", "corral"};
    std::string text_;
    bool flag_ = false;
    completion last_;
    int asked_ = 0;
};

TEST(works_for, offers_only_what_a_command_can_do_now) {
    EXPECT_TRUE(works_for("start", "stopped", true));
    EXPECT_TRUE(works_for("start", "broken", true));
    EXPECT_FALSE(works_for("start", "ready", true));
    EXPECT_FALSE(works_for("stop", "stopped", true));
    EXPECT_TRUE(works_for("stop", "loading", true));
    EXPECT_FALSE(works_for("rm", "ready", false)) << "a table of the configuration itself";
    EXPECT_FALSE(works_for("pin", "ready", false)) << "a table of the configuration itself";
    EXPECT_TRUE(works_for("unpin", "ready", true));
    EXPECT_TRUE(works_for("show", "ready", false));
}

TEST_F(command_tree, completes_commands) {
    EXPECT_THAT(words({""}), ElementsAre("logs", "key", "completion"));
    EXPECT_THAT(words({}), ElementsAre("logs", "key", "completion"));
    EXPECT_THAT(words({"k"}), ElementsAre("key"));
    EXPECT_THAT(words({"key", ""}), ElementsAre("new", "list"));
    EXPECT_THAT(words({"nonsense", "x"}), IsEmpty());
    EXPECT_EQ(asked_, 0);
}

TEST_F(command_tree, completes_options_and_their_values) {
    EXPECT_THAT(words({"logs", "--"}),
                ElementsAre("--help", "--follow", "--lines", "--crash", "--config", "--state"));
    EXPECT_EQ(completion_lines(last_).substr(0, 60).find('\n') != std::string::npos, true);
    EXPECT_THAT(completion_lines(last_), HasSubstr("--follow\tGo on.\n--lines"));
    EXPECT_THAT(words({"logs", "--config", ""}), IsEmpty());
    EXPECT_EQ(completion_lines(last_), ":files\n");
    EXPECT_THAT(words({"logs", "--state", "/t"}), IsEmpty());
    EXPECT_EQ(completion_lines(last_), ":folders\n");
    EXPECT_THAT(words({"completion", "z"}), ElementsAre("zsh"));
    // After a value it goes on with what is left.
    EXPECT_THAT(words({"logs", "-n", "5", "b"}), ElementsAre("b:2"));
    EXPECT_THAT(words({"logs", "--crash", "--f"}), ElementsAre("--follow"));
}

TEST_F(command_tree, completes_names_once) {
    EXPECT_THAT(words({"logs", "a"}), ElementsAre("a:1/runtime"));
    EXPECT_EQ(asked_, 1);
    EXPECT_THAT(words({"logs", "-f", ""}), ElementsAre("a:1/runtime", "b:2"));
    EXPECT_THAT(words({"logs", "a:1/runtime", "--fo"}), ElementsAre("--follow"));
    EXPECT_EQ(asked_, 2);
}

TEST(completion_script, asks_the_program_itself) {
    for (const char* shell : {"bash", "zsh", "fish"}) {
        const auto script = completion_script(shell);
        ASSERT_TRUE(script) << shell;
        EXPECT_THAT(std::string(*script), HasSubstr(" complete -- "));
        EXPECT_THAT(std::string(*script), Not(HasSubstr("status")));
    }
    EXPECT_FALSE(completion_script("csh"));
}

TEST_F(command_tree, is_the_manual_page) {
    const std::string page = man_page(tree_);
    EXPECT_THAT(page, HasSubstr(".SS \\fBcorral logs\\fR \\fI[SERVICE]\\fR [options]\nShow lines.\n"));
    EXPECT_THAT(page, HasSubstr(".TP\n\\fB\\-f, \\-\\-follow\\fR\nGo on.\nFor long\n"));
    EXPECT_THAT(page, HasSubstr("\\fB\\-\\-crash\\fR [\\fITEXT\\fR]\n"));
    EXPECT_THAT(page, HasSubstr("It\\(aqs the .file\\e\n"));
    EXPECT_THAT(page, HasSubstr(".SS \\fBcorral key new\\fR \\fINAME\\fR"));
    EXPECT_THAT(page, Not(HasSubstr("secret")));
    for (const char* part : {".SH FILES", ".SH ENVIRONMENT", ".SH EXIT STATUS", ".SH EXAMPLES"}) {
        EXPECT_THAT(page, HasSubstr(part));
    }
    EXPECT_EQ(roff_text(".a\n'b\\c-d"), "\\&.a\n\\&\\(aqb\\ec\\-d");
}

}  // namespace
}  // namespace corral::cli

// A tokenizer.json beside a model's tokenizer: what reads it is a program that may hang, flood or lie. Stand-ins of Python
// here; tests/e2e/test_tokens.py has the library itself.

#include "cli/tokens/tokenizer_process.hpp"

#include <chrono>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "catalog/temporary_folder.hpp"

namespace corral::cli {
namespace {

using namespace std::chrono_literals;
using testing::AnyOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

class a_tokenizer_file : public testing::Test {
protected:
    // A program that is run as `python -I -B -c SCRIPT FILE TEXT`.
    std::string python(const std::string& name, const std::string& lines) {
        const auto file = folder_.write(name, "#!/bin/sh\n" + lines + "\n");
        std::filesystem::permissions(file, std::filesystem::perms::owner_all);
        return file.string();
    }
    core::result<tokenizer_answer> ask(const std::vector<std::string>& pythons,
                                       core::nanoseconds patience = 1min) {
        return ask_tokenizer_file(file_, pythons, "Hello", patience);
    }
    std::string fault(const std::vector<std::string>& pythons, core::nanoseconds patience = 1min) {
        const auto said = ask(pythons, patience);
        return said ? "no fault" : said.error().message.text();
    }

    tests::temporary_folder folder_;
    std::filesystem::path file_ = folder_.write("tokenizer.json", "{}");
};

TEST_F(a_tokenizer_file, is_read_by_the_first_python_that_has_the_library) {
    const std::string lacks = python("lacks", "exit 3");
    const std::string has =
        python("has", R"sh(test "$1 $2 $3" = "-I -B -c" && test "$(cat "$6")" = Hello || exit 5
printf '{"ids":[5,7],"pieces":["Hel","lo"],"start":3000000000,"encoding":2,"decoding":4}')sh");
    const auto said = ask({"/nonexistent/python", lacks, has, python("never", "exit 9")});
    ASSERT_TRUE(said) << said.error().message;
    EXPECT_THAT(said->tokens.ids, ElementsAre(5, 7));
    EXPECT_THAT(said->tokens.pieces, ElementsAre("Hel", "lo"));
    EXPECT_EQ(said->start, 3s);
    EXPECT_EQ(said->tokens.encoding, 2ns);
    EXPECT_THAT(fault({"/nonexistent/python", lacks}), HasSubstr("bin/pip install tokenizers"));
}

TEST_F(a_tokenizer_file, that_can_not_be_read_is_named_with_the_reason) {
    EXPECT_THAT(fault({python("fails", "echo 'Exception: no model' >&2; exit 1")}),
                StartsWith(file_.string() +
                           " could not be read by the Python package tokenizers: Exception: no model"));
    EXPECT_THAT(fault({python("dies", "kill -ABRT $$")}), HasSubstr("(killed by SIGABRT"));
    EXPECT_THAT(fault({python("lies", "echo '{\"ids\":[1],\"pieces\":[]}'")}), HasSubstr("can't be read"));
    EXPECT_THAT(fault({python("nests", "printf '[[[[[[[[1]]]]]]]]'")}), HasSubstr("can't be read"));
}

TEST_F(a_tokenizer_file, has_its_time_and_its_room_and_leaves_nobody) {
    const auto begun = std::chrono::steady_clock::now();
    const std::string hangs = python("hangs", R"(sleep 600 & echo $! > "$0.child"; wait)");
    EXPECT_THAT(fault({hangs}, 1s), HasSubstr("not read within 1 s"));
    int child = 0;
    std::ifstream(hangs + ".child") >> child;
    ASSERT_GT(child, 0);
    std::string number, name, state;
    std::ifstream("/proc/" + std::to_string(child) + "/stat") >> number >> name >> state;
    EXPECT_THAT(state, AnyOf("", "Z")) << "what it started is over too";
    EXPECT_THAT(fault({python("floods", "exec yes")}), HasSubstr("the text into more than 32 MiB"));
    EXPECT_LT(std::chrono::steady_clock::now() - begun, 30s);
}

TEST_F(a_tokenizer_file, is_a_file_of_a_size_within_reason) {
    EXPECT_EQ(tokenizer_file(folder_.path().string()), folder_.path() / "tokenizer.json");
    EXPECT_EQ(tokenizer_file(file_.string()), file_);
    EXPECT_EQ(tokenizer_file("qwen3:4b"), std::nullopt);
    std::filesystem::resize_file(file_, 65UL * 1024 * 1024);
    EXPECT_THAT(fault({"python3"}), HasSubstr("larger than 64 MiB"));
    file_ = "/dev/zero";
    EXPECT_THAT(fault({"python3"}), HasSubstr("/dev/zero is not a file"));
}

}  // namespace
}  // namespace corral::cli

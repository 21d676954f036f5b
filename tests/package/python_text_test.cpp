#include "package/scripts/python_text.hpp"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "catalog/temporary_folder.hpp"
#include "corral/package/machine.hpp"
#include "corral/process/elf_file.hpp"

namespace corral::package {

namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> imports_of(std::string_view text) {
    return imported_modules(python_lines(text));
}

std::vector<std::string> names_in(std::string_view text) {
    return pretrained_names(python_lines(text));
}

TEST(python_text, finds_what_is_imported_whatever_happens) {
    EXPECT_THAT(imports_of("import os, sys as system, a.b.c\n"
                           "from transformers import AutoTokenizer, \\\n    PreTrainedTokenizer\n"
                           "from x.y import (\n    one,  # import not_me\n    two)\n"
                           "import first; import second\r\n"
                           "\xEF\xBB\xBF"),
                ElementsAre("a", "first", "os", "second", "sys", "transformers", "x"));
    EXPECT_THAT(imports_of("\xEF\xBB\xBFimport json\n"), ElementsAre("json"));
}

TEST(python_text, leaves_out_what_may_not_run) {
    EXPECT_THAT(imports_of("\"\"\"\nimport in_text\n\"\"\"\n"
                           "'''a \\''' import b'''\n"
                           "try:\n    import perhaps\nexcept ImportError:\n    perhaps = None\n"
                           "if x: pass\n"
                           "def f():\n\timport later\n"
                           "# import comment\n"
                           "text = 'import quoted'\n"
                           "from . import own\nfrom .own import thing\nfrom __future__ import annotations\n"
                           "importlib = 1\nfrom_where = 2\nimport 1abc\n"),
                IsEmpty());
}

TEST(python_text, finds_the_tokenizers_folder) {
    EXPECT_THAT(names_in("AutoTokenizer.from_pretrained(\"qwen3_tokenizer\", trust_remote_code=True)"),
                ElementsAre("qwen3_tokenizer"));
    EXPECT_THAT(names_in("class A:\n  def __init__(self):\n    model_id = 'a_tokenizer'  # 'no'\n"
                         "    self.t = AutoTokenizer.from_pretrained(model_id)\n"),
                ElementsAre("a_tokenizer"));
    EXPECT_THAT(names_in("x = T.from_pretrained(pretrained_model_name_or_path=r'dir')"), ElementsAre("dir"));
}

TEST(python_text, does_not_guess_a_folder_that_is_made_at_run_time) {
    for (const char* text : {
             "T.from_pretrained(os.path.join(here, 'x'))",
             "T.from_pretrained(f'{x}_tokenizer')",
             "T.from_pretrained('a' + b)",
             "T.from_pretrained(args.path)",
             "name = 'a'\nname = 'b'\nT.from_pretrained(name)",
             "name = pick()\nT.from_pretrained(name)",
             "# T.from_pretrained('x')",
         }) {
        EXPECT_THAT(names_in(text), IsEmpty()) << text;
    }
}

TEST(python_text, ends_with_any_text) {
    for (const char* text :
         {"'", "\"\"\"", "((((", "\\", "'''\\", "from", "import", "from_pretrained(", "x = '\\"}) {
        EXPECT_THAT(imports_of(text), IsEmpty()) << text;
        EXPECT_THAT(names_in(text), IsEmpty()) << text;
    }
}

TEST(python_modules, are_asked_of_a_real_python_and_nothing_is_imported) {
    const auto missing = this_machine().missing_modules(
        "python3", {"json", "no_such_module_of_any_kind", "this", "not a name", "-c", "antigravity"});
    ASSERT_TRUE(missing) << "python3 is needed by these tests";
    EXPECT_THAT(*missing, ElementsAre("no_such_module_of_any_kind"));
}

TEST(python_modules, no_answer_is_no_verdict) {
    const std::chrono::milliseconds patience{20'000};
    EXPECT_FALSE(ask_for_modules("/nothing/python3", {"json"}, patience));
    EXPECT_FALSE(ask_for_modules("true", {"json"}, patience));
    EXPECT_FALSE(ask_for_modules("", {"json"}, patience));
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_FALSE(ask_for_modules("yes", {"json"}, patience));
    EXPECT_LT(std::chrono::steady_clock::now() - begin, patience);
}

// A manifest of Corral's user names what `sudo corral doctor` asks.
TEST(python_modules, root_asks_as_the_owner_of_the_interpreter) {
    constexpr uid_t nobody = 65534;
    if (::geteuid() != 0) {
        GTEST_SKIP() << "only root can become somebody else";
    }
    const tests::temporary_folder folder;
    const std::filesystem::path environment = folder.path() / "environment";
    const std::filesystem::path python = environment / "bin/python";
    std::filesystem::create_directories(python.parent_path());
    std::ofstream(python) << "#!/bin/sh\nid -u >" << environment.string() << "/who\necho asked\n";
    std::filesystem::permissions(python, std::filesystem::perms(0755));
    std::filesystem::permissions(folder.path(), std::filesystem::perms(0755));
    ASSERT_EQ(::chown(environment.c_str(), nobody, nobody), 0);
    const std::chrono::milliseconds patience{20'000};
    ASSERT_TRUE(ask_for_modules(python.string(), {"json"}, patience));
    std::string who;
    std::getline(std::ifstream(environment / "who"), who);
    EXPECT_EQ(who, std::to_string(nobody)) << "the file is root's, the folder above it is not";
}

TEST(this_machine, knows_itself) {
    const auto here = this_machine();
    EXPECT_EQ(here.elf_machine, process::machine_here());
    EXPECT_EQ(here.root, "/");
}

}  // namespace

namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

TEST(python_requirements, names_with_versions_are_taken_as_they_are_meant) {
    EXPECT_THAT(required_versions("# what the tokenizer needs\r\n"
                                  "transformers==4.51.3\r\n"
                                  "Jinja2 >= 3.1 , <4   # for the template\n"
                                  "  torch==2.1.0+cpu\n"
                                  "some_thing.Else~=1.0\n"
                                  "numpy!=1.26.*,>=1.20rc1\n"
                                  "protobuf"),
                ElementsAre(Pair("jinja2", ">=3.1,<4"), Pair("numpy", "!=1.26.*,>=1.20rc1"),
                            Pair("some-thing-else", "~=1.0"), Pair("torch", "==2.1.0+cpu"),
                            Pair("transformers", "==4.51.3")));
}

TEST(python_requirements, what_pip_would_follow_elsewhere_is_not_taken) {
    for (const char* const line : {"-r other.txt",
                                   "--index-url=http://evil.example/simple",
                                   "-e .",
                                   "--pre",
                                   "-c constraints==1.0",
                                   "transformers @ http://evil.example/t.whl",
                                   "http://evil.example/t.whl",
                                   "./t-1.0.whl",
                                   "../t==1.0",
                                   "/tmp/t==1.0",
                                   "t==http://evil.example",
                                   "t==/tmp/x",
                                   "t[extra]==1.0",
                                   "t==1.0; python_version<'4'",
                                   "t==1.0 --hash=sha256:00",
                                   "t===1.0",
                                   "t==1.0 --index-url http://x",
                                   "-t==1.0",
                                   "t-==1.0",
                                   "t=1.0",
                                   "t==",
                                   "t==1.0,",
                                   "t==,1.0",
                                   "t>=1.*",
                                   "t==$(reboot)",
                                   "t==1.0`id`",
                                   "t==1.0|id",
                                   "t==1.0 u==2.0",
                                   "t==\x1b[31m1",
                                   "t\xc3\xa9==1.0",
                                   "${NAME}==1.0",
                                   "t==*",
                                   "t== .1"}) {
        EXPECT_THAT(required_versions(line), IsEmpty()) << line;
    }
}

TEST(python_requirements, a_line_that_goes_on_is_no_line_of_its_own) {
    EXPECT_THAT(required_versions("--index-url \\\nt==1.0\nu==2.0"), ElementsAre(Pair("u", "==2.0")));
    EXPECT_THAT(required_versions("t==1.0 \\\n  --hash=sha256:00\nu==2.0"), ElementsAre(Pair("u", "==2.0")));
}

TEST(python_requirements, a_name_with_two_versions_is_left_to_pip) {
    EXPECT_THAT(required_versions("A_b==1.0\na-B==2.0\nc==1\nc==1\n"), ElementsAre(Pair("c", "==1")));
}

TEST(python_requirements, everything_has_a_bound) {
    EXPECT_THAT(required_versions(std::string(101, 'a') + "==1"), IsEmpty());
    EXPECT_THAT(required_versions("a==" + std::string(51, '1')), IsEmpty());
    EXPECT_THAT(required_versions("a>=1,>=1,>=1,>=1,>=1,>=1,>=1,>=1,>=1"), IsEmpty());
    EXPECT_THAT(required_versions("a==1\n" + std::string(requirements_bytes, '\n')), IsEmpty());
    std::string many;
    for (int i = 0; i < 5000; ++i) {
        many += "a" + std::to_string(i) + "==1\n";
    }
    EXPECT_EQ(required_versions(many).size(), 1000U);
    EXPECT_THAT(required_versions(std::string("a==1\0.2\n\xff==1\n", 13)), IsEmpty());
}

}  // namespace

}  // namespace corral::package

#include "package/scripts/python_text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "corral/package/machine.hpp"
#include "corral/process/elf_file.hpp"
#include "package/files/python_modules.hpp"

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

TEST(this_machine, knows_itself) {
    const auto here = this_machine();
    EXPECT_EQ(here.elf_machine, process::machine_here());
    EXPECT_EQ(here.root, "/");
}

}  // namespace
}  // namespace corral::package

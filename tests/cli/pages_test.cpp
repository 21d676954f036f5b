// Every command, every configuration and every JSON on a page of the documentation is understood by this very program, and
// prose keeps within 120 columns.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>
#include <utility>

#include <gmock/gmock.h>

#include "catalog/temporary_folder.hpp"
#include "cli/base/command.hpp"
#include "cli/help/man_page.hpp"
#include "cli/trouble/explain_command.hpp"
#include "corral/bench/prompt_set.hpp"
#include "corral/boxes/boxes_file.hpp"
#include "corral/catalog/message.hpp"
#include "corral/config/configuration.hpp"
#include "corral/core/json.hpp"
#include "corral/engine/dialect.hpp"
#include "corral/pull/catalogue.hpp"
#include "http/test_certificate.hpp"

namespace corral::cli::test {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

const fs::path source = CORRAL_SOURCE_DIR;

struct block {
    std::string language;
    std::string text;
    std::string place;  // file and line
};

struct page {
    fs::path file;
    std::vector<block> blocks;
    std::vector<std::string> code;  // inline
    std::vector<std::string> wide;  // lines of prose beyond the columns
};

std::size_t width_of(const std::string& text) {
    return static_cast<std::size_t>(
        std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80; }));
}

void add_inline(page& to, const std::string& prose) {
    std::size_t at = 0;
    while ((at = prose.find('`', at)) != std::string::npos) {
        const std::size_t end = prose.find('`', at + 1);
        if (end == std::string::npos) {
            return;
        }
        to.code.push_back(prose.substr(at + 1, end - at - 1));
        at = end + 1;
    }
}

page read_page(const fs::path& file) {
    constexpr std::size_t columns = 120;
    page out;
    out.file = file;
    std::ifstream in(file);
    std::string line;
    std::string prose;
    bool inside = false;
    for (int number = 1; std::getline(in, line); ++number) {
        if (line.starts_with("```")) {
            inside = !inside;
            if (inside) {
                out.blocks.push_back(
                    {line.substr(3), "", file.filename().string() + ":" + std::to_string(number)});
            }
        } else if (inside) {
            out.blocks.back().text += line + "\n";
        } else {
            // A table keeps its form.
            if (!line.starts_with('|') && width_of(line) > columns) {
                out.wide.push_back(file.filename().string() + ":" + std::to_string(number));
            }
            if (line.empty()) {
                add_inline(out, std::exchange(prose, {}));
            } else {
                prose += (prose.empty() ? "" : " ") + line;
            }
        }
    }
    add_inline(out, prose);
    return out;
}

const std::vector<page>& pages() {
    static const std::vector<page> all = [] {
        std::vector<page> out;
        for (const char* const name : {"README.md", "CONTRIBUTING.md", "SECURITY.md"}) {
            out.push_back(read_page(source / name));
        }
        for (const auto& one : fs::directory_iterator(source / "docs")) {
            if (one.path().extension() == ".md") {
                out.push_back(read_page(one.path()));
            }
        }
        return out;
    }();
    return all;
}

// As a shell splits a line that has no expansions; commands end at &&, |, ;, > and a comment.
std::vector<std::vector<std::string>> commands_in(const std::string& text) {
    std::vector<std::vector<std::string>> out(1);
    std::string word;
    bool has_word = false;
    char quote = 0;
    const auto end_word = [&] {
        if (has_word) {
            out.back().push_back(std::exchange(word, {}));
        }
        has_word = false;
    };
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (quote != 0) {
            quote = c == quote ? static_cast<char>(0) : quote;
            word += quote == 0 ? std::string() : std::string(1, c);
        } else if (c == '"' || c == '\'') {
            quote = c;
            has_word = true;
        } else if (c == '\\' && i + 1 < text.size() && text[i + 1] == '\n') {
            ++i;
        } else if (c == '#' && !has_word) {
            i = std::min(text.find('\n', i), text.size()) - 1;
        } else if (std::string_view("\n&|;<>()").find(c) != std::string_view::npos) {
            end_word();
            out.emplace_back();
        } else if (c == ' ' || c == '\t') {
            end_word();
        } else {
            word += c;
            has_word = true;
        }
    }
    end_word();
    return out;
}

// The words after "corral", without what runs it as another user; empty: another program's.
std::vector<std::string> words_of_ours(std::vector<std::string> words) {
    while (!words.empty() && (words.front() == "sudo" || words.front() == "-u" || words.front() == "$" ||
                              words.front().find('=') != std::string::npos)) {
        const bool named = words.front() == "-u";
        words.erase(words.begin(), words.begin() + (named && words.size() > 1 ? 2 : 1));
    }
    if (words.size() < 2 || words.front() != "corral") {
        return {};
    }
    words.erase(words.begin());
    for (std::string& each : words) {  // a shell would have put a value there
        each = std::regex_replace(each, std::regex("\\$[a-z_]+"), "value");
    }
    return words;
}

TEST(pages, every_command_in_a_block_is_understood) {
    std::size_t seen = 0;
    for (const page& each : pages()) {
        for (const block& one : each.blocks) {
            if (one.language != "sh") {
                continue;
            }
            for (const auto& command : commands_in(one.text)) {
                const std::vector<std::string> words = words_of_ours(command);
                if (!words.empty()) {
                    ++seen;
                    EXPECT_EQ(misunderstanding(words), "")
                        << one.place << ": corral " << ::testing::PrintToString(words);
                }
            }
        }
    }
    EXPECT_GT(seen, 40U);
}

TEST(pages, every_command_in_a_sentence_is_there) {
    for (const page& each : pages()) {
        for (const std::string& code : each.code) {
            for (const auto& command : commands_in(code)) {
                const std::vector<std::string> words = words_of_ours(command);
                if (!words.empty() && !words.front().starts_with('-')) {
                    EXPECT_TRUE(is_command(words.front())) << each.file << ": `" << code << "`";
                }
            }
        }
    }
}

class box {
public:
    box() {
        const auto made = http::test::make_certificate("box.lan");
        folder_.write("fullchain.pem", made.certificate);
        folder_.write("privkey.pem", made.key);
        folder_.write("keys", "");
        fs::create_directory_symlink(source / "vendor", folder_.path() / "vendor");
    }

    // What is wrong with it; the paths of a real box become ours.
    std::string problem_of(std::string text) {
        for (const auto& [there, here] : {std::pair("/var/lib/corral/keys", "keys"),
                                          std::pair("/etc/corral/tls/fullchain.pem", "fullchain.pem"),
                                          std::pair("/etc/corral/tls/privkey.pem", "privkey.pem")}) {
            for (std::size_t at = 0; (at = text.find(there, at)) != std::string::npos;) {
                text.replace(at, std::string_view(there).size(), here);
            }
        }
        config::configuration_source from;
        from.file = folder_.write("corral.toml", text);
        for (const engine::dialect_descriptor* dialect : engine::dialects()) {
            from.dialects.emplace_back(dialect->name);
        }
        const config::configuration_result read = config::load_configuration(from);
        std::string out = problems_in(read.errors);
        if (read.value) {
            for (const config::left_out_manifest& one : read.value->left_out) {
                out += problems_in(one.problems);
            }
        }
        return out;
    }

    // A page leaves out what import fills in.
    static std::string problems_in(const std::vector<catalog::diagnostic>& all) {
        std::string out;
        for (const catalog::diagnostic& one : all) {
            const std::string text = catalog::to_text(one);
            const bool left_out = text.find("needs the variable") != std::string::npos ||
                                  text.find("needs 'vocabulary'") != std::string::npos;
            out += left_out ? "" : text + "\n";
        }
        return out;
    }

    std::string problem_of_manifest(const std::string& text) {
        folder_.write("models.d/model.toml", model + text);
        std::string out = problem_of("");
        fs::remove_all(folder_.path() / "models.d");
        return out;
    }

    static constexpr const char* model =
        "name = \"qwen3:4b\"\nprofile = \"axera-poll\"\npackage = \"/srv/models/Qwen3-4B\"\n";

private:
    tests::temporary_folder folder_;
};

TEST(pages, every_configuration_is_read) {
    box own;
    std::size_t seen = 0;
    for (const page& each : pages()) {
        for (const block& one : each.blocks) {
            if (one.language != "toml") {
                continue;
            }
            ++seen;
            const auto has = [&](const char* what) { return one.text.find(what) != std::string::npos; };
            if (has("[[tests]]")) {
                const auto read = bench::parse_prompt_set(one.text, one.place);
                EXPECT_TRUE(read) << read.error().message;
            } else if (has("[[models.packages]]")) {
                EXPECT_EQ(box::problems_in(pull::parse_catalogue(one.text, one.place).problems), "");
            } else if (has("[[box]]")) {
                const auto read = boxes::parse_boxes(one.text, one.place, "/");
                EXPECT_TRUE(read.value) << catalog::to_text(read.errors.front());
            } else if (has("models.d/")) {
                EXPECT_EQ(own.problem_of_manifest(one.text), "") << one.place;
            } else if ((has("[[models.fallbacks]]") || has("[models.limits]")) && !has("[[models]]")) {
                EXPECT_EQ(own.problem_of(std::string("[[models]]\n") + box::model + one.text), "")
                    << one.place;
            } else {
                EXPECT_EQ(own.problem_of(one.text), "") << one.place;
            }
        }
    }
    EXPECT_GE(seen, 8U);
}

TEST(pages, a_configuration_that_is_wrong_would_be_seen) {
    box own;
    EXPECT_THAT(own.problem_of("max_que = 1\n"), HasSubstr("unknown key 'max_que'"));
    EXPECT_THAT(own.problem_of_manifest("pined = true\n"), HasSubstr("unknown key 'pined'"));
    EXPECT_THAT(misunderstanding({"status", "--wach"}), HasSubstr("--wach"));
    EXPECT_THAT(misunderstanding({"unload", "x"}), HasSubstr("unload"));
}

TEST(pages, every_json_is_json) {
    for (const page& each : pages()) {
        for (const block& one : each.blocks) {
            if (one.language == "json") {
                EXPECT_FALSE(core::parse_json(one.text).is_discarded()) << one.place;
            }
        }
    }
}

TEST(pages, prose_fits_into_120_columns) {
    for (const page& each : pages()) {
        EXPECT_THAT(each.wide, ::testing::IsEmpty());
    }
}

TEST(pages, every_page_is_in_the_index) {
    std::ifstream in(source / "docs/README.md");
    std::stringstream index;
    index << in.rdbuf();
    for (const page& each : pages()) {
        const std::string name = each.file.filename().string();
        if (name != "README.md" && each.file.parent_path() == source / "docs") {
            EXPECT_THAT(index.str(), HasSubstr("](" + name + ")"));
        }
    }
}

std::string text_of(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

TEST(pages, the_page_of_messages_has_each_once) {
    const std::string page = messages_page();
    for (const catalog::message& one : catalog::all_messages()) {
        const std::string title = "\n### `" + std::string(one.id) + "`\n";
        EXPECT_TRUE(page.find(title) != std::string::npos && page.find(title) == page.rfind(title)) << one.id;
    }
}

TEST(pages, findings_in_a_package_are_explained_as_their_page_lists_them) {
    const std::string page = text_of(source / "docs/troubleshooting.md");
    for (const auto group : {std::span<const core::message>(core::messages::finding_table),
                             std::span<const core::message>(core::messages::import_table)}) {
        for (const core::message& one : group) {
            EXPECT_THAT(page, HasSubstr("`" + std::string(one.id) + "`"));
        }
    }
    const std::size_t begin = page.find("\n## Findings in a package\n");
    const std::string tables = page.substr(begin, page.find("\n## The black box\n") - begin);
    for (auto row = tables.find("\n| `"); row != std::string::npos; row = tables.find("\n| `", row + 1)) {
        for (auto at = row + 3; tables[at] == '`'; at = tables[at] == ',' ? at + 2 : at + 1) {
            const std::size_t end = tables.find('`', at + 1);
            const std::string id = tables.substr(at + 1, end - at - 1);
            EXPECT_TRUE(catalog::find_message(id)) << id;
            at = end + 1;
        }
    }
    for (const char* const id :
         {"request.queue-full", "service.port-taken", "port.taken", "file.lfs-pointer"}) {
        const auto found = find_entry(id);
        ASSERT_TRUE(found) << id;
        EXPECT_THAT(explanation(*found), HasSubstr("What to do: "));
    }
    EXPECT_FALSE(find_entry("no.such-thing"));
    for (const auto& [fix, id] : {std::pair("improve its cooling (heat sink, fan)", "device.hot"),
                                  std::pair("Compare its size with that at the source.", "layers.uneven")}) {
        const auto found = find_entry(fix);
        ASSERT_TRUE(found) << fix;
        EXPECT_EQ(found->id, id);
    }
}

// Also where the page leaves out what differs, then among those that come near.
TEST(pages, what_the_words_of_status_mean_is_explained_too) {
    std::istringstream in(text_of(source / "docs/troubleshooting.md"));
    std::size_t seen = 0;
    bool inside = false;
    for (std::string line; std::getline(in, line);) {
        inside = line.starts_with("## ") ? line == "## What the words mean" : inside;
        if (!inside || !line.starts_with("| `")) {
            continue;
        }
        page cell;
        add_inline(cell, line.substr(0, line.find(" | ")));
        for (const std::string& words : cell.code) {
            ++seen;
            EXPECT_TRUE(find_entry(words) || !entries_near(words).empty()) << words;
        }
    }
    EXPECT_GT(seen, 15U);
    EXPECT_THAT(entry_lines(entries_near("waits for room on card 0"), 120),
                HasSubstr("model.waits-for-turn"));
}

TEST(pages, what_comes_near_is_shown_as_people_read_it) {
    const std::string near = entry_lines(entries_near("renewed, slower"), 120);
    EXPECT_THAT(near, HasSubstr("was renewed, because it had become slower"));
    EXPECT_THAT(near, Not(HasSubstr("{")));
}

TEST(man_markdown, a_page_becomes_a_manual) {
    const std::string text = man_page_of(
        "# Title\n\nA `key` and **more** of [it](x.md),\non *two* lines.\n\n## The part\n\n| key | default | "
        "meaning |\n"
        "|---|---|---|\n| `a|b` | `1` | what it is |\n\n```\n.x \\ y\n```\n\n- one\n  two\n- `term` (default "
        "`2`): what: it\n  is\n- **two words**: more\n",
        "corral.toml", "a test");
    for (const char* const part :
         {".TH CORRAL.TOML 5 ", ".SH NAME\ncorral.toml \\- a test\n", ".SH DESCRIPTION\n.PP\n",
          "A \\fBkey\\fR and \\fBmore\\fR of it, on \\fItwo\\fR lines.\n", ".SH THE PART\n",
          ".TP\n\\fBa|b\\fR\nwhat it is. Default: \\fB1\\fR\\&.\n", ".nf\n\\&.x \\e y\n.fi\n",
          ".IP \\(bu 2\none two\n", ".TP\n\\fBterm\\fR (default \\fB2\\fR)\nwhat: it is\n",
          ".TP\n\\fBtwo words\\fR\nmore\n"}) {
        EXPECT_THAT(text, HasSubstr(part));
    }
    EXPECT_THAT(text, Not(HasSubstr("x.md")));
}

}  // namespace
}  // namespace corral::cli::test

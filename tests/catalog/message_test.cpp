#include "corral/catalog/message.hpp"

#include <filesystem>
#include <fstream>
#include <set>

#include <gmock/gmock.h>

namespace corral::catalog::test {
namespace {

namespace fs = std::filesystem;

// All string literals of the sources, those that stand side by side joined; between others a line break.
std::string literals_in(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    const std::string text((std::istreambuf_iterator<char>(in)), {});
    std::string out;
    bool inside = false;
    bool joined = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (inside && c == '\\' && i + 1 < text.size()) {
            out += text[++i];
        } else if (!inside && c == '\'' && i + 2 < text.size() && text[i + 2] == '\'') {
            i += 2;  // a character, which may be a quotation mark
        } else if (c == '"') {
            inside = !inside;
            out += inside && !joined ? "\n" : "";
            joined = true;
        } else if (inside) {
            out += c;
        } else if (c == '/' && i + 1 < text.size() && text[i + 1] == '/') {
            i = std::min(text.find('\n', i), text.size());
        } else if (c != ' ' && c != '\n') {
            joined = false;
        }
    }
    return out;
}

const std::string& literals_of_the_source() {
    static const std::string all = [] {
        std::string out;
        const fs::path source = fs::path(CORRAL_SOURCE_DIR) / "src";
        for (const auto& one : fs::recursive_directory_iterator(source)) {
            const bool code = one.path().extension() == ".cpp" || one.path().extension() == ".hpp";
            if (code) {
                out += literals_in(one.path());
            }
        }
        return out;
    }();
    return all;
}

TEST(message, every_wording_is_said_somewhere) {
    for (const message& one : all_messages()) {
        for (std::string_view all = one.text; !all.empty();) {
            const std::string_view key = core::next_wording(all).key;
            const std::string name = std::string(one.id) + (key.empty() ? "" : "/") + std::string(key);
            EXPECT_NE(literals_of_the_source().find("\n" + name + "\n"), std::string::npos) << name;
        }
    }
}

TEST(message, each_has_one_id_and_says_what_it_means) {
    std::set<std::string_view> ids;
    for (const message& one : all_messages()) {
        EXPECT_TRUE(ids.insert(one.id).second) << one.id;
        EXPECT_NE(one.id.find('.'), std::string_view::npos) << one.id;
        EXPECT_FALSE(one.means.empty()) << one.id;
        EXPECT_TRUE(!wordings_of(one.text).empty() || one.text == std::string_view("{what}")) << one.id;
    }
    EXPECT_GT(ids.size(), 240U);
}

// No fragment, neither of what it means nor of what to do.
TEST(message, each_says_in_whole_sentences_what_to_do) {
    for (const message& one : all_messages()) {
        for (const std::string_view text : {one.means, one.fix}) {
            ASSERT_FALSE(text.empty()) << one.id;
            EXPECT_TRUE(text.ends_with('.')) << one.id << ": " << text;
        }
        EXPECT_TRUE(one.fix.front() >= 'A' && one.fix.front() <= 'Z') << one.id << ": " << one.fix;
    }
}

TEST(message, a_piece_of_a_sentence_is_enough) {
    const auto found = find_message("too many requests are waiting here");
    ASSERT_TRUE(found);
    EXPECT_EQ(found->id, "request.queue-full");
    EXPECT_FALSE(find_message("is no"));
    EXPECT_FALSE(find_message("ask again in a while"));  // the end of several
}

TEST(message, a_sentence_is_found_as_people_paste_it) {
    const auto id = [](std::string_view asked) {
        const auto found = find_message(asked);
        return std::string(found ? found->id : "");
    };
    EXPECT_EQ(id("request.queue-full"), "request.queue-full");
    EXPECT_EQ(id("error: too many requests are waiting here; ask again in a while"), "request.queue-full");
    EXPECT_EQ(id("port 8000 is already taken by python3 (pid 4711)"), "service.port-taken");
    EXPECT_EQ(id("device memory did not come back within 30 s: 3 of 7040 MB free"), "device.memory-gone");
    EXPECT_EQ(id("waits for room on card 0, which qwen3:4b holds until its turn is over"),
              "model.waits-for-turn");
    EXPECT_EQ(id("waits for room on card 0"), "") << "it is the beginning of several";
    EXPECT_EQ(id("waits for the service tokenizer"), "service.waits-for");
    EXPECT_EQ(id("http://10.0.0.5:11434 can't be reached: connection refused"), "runtime.remote");
    EXPECT_EQ(id("the path '/opt/x' can't be reached: Permission denied"), "program.folder");
    EXPECT_EQ(id("stop that program, or serve a smaller model"), "device.memory-short") << "what to do";
    EXPECT_EQ(
        id("'a.axmodel' is cut off: it has 3 GB, and at least 5 GB are needed (variable 'head' in /a:7)."),
        "file.truncated");
    EXPECT_EQ(id("12 files that this model needs are not there; the first is 'a'."), "file.missing");
    EXPECT_EQ(id("no such thing"), "");
    EXPECT_EQ(id(""), "");
}

// With values in its places, as the product renders it; also with what led to it.
TEST(message, each_wording_that_is_said_finds_its_message) {
    for (const message& one : all_messages()) {
        for (std::string_view rest = one.text; !rest.empty();) {
            const core::wording each = core::next_wording(rest, &one);
            if (each.text == "{what}") {
                continue;  // what others found, in their words
            }
            std::vector<core::reason> values;
            core::walk_wording(
                each.text, [](std::string_view) {},
                [&](std::string_view place) {
                    if (core::is_value(place)) {
                        values.push_back(core::reason::unlisted(place.ends_with(":d}") ? "7" : "/srv/x (y)"));
                    }
                });
            const std::string sentence = core::reason(each, values);
            const auto found = find_message(sentence);
            ASSERT_TRUE(found) << one.id << ": " << sentence;
            EXPECT_EQ(found->id, one.id) << sentence;
            const core::reason more =
                core::reason(each, values).led_to_by(core::reason::unlisted("as another said"));
            EXPECT_EQ(find_message(more.text())->id, one.id) << more;
        }
    }
}

}  // namespace
}  // namespace corral::catalog::test

#include "corral/catalog/message.hpp"

#include <filesystem>
#include <fstream>
#include <set>

#include <gmock/gmock.h>

namespace corral::catalog::test {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;

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
            if (code && one.path().parent_path() != source / "catalog/messages") {
                out += literals_in(one.path());
            }
        }
        return out;
    }();
    return all;
}

TEST(message, every_sentence_is_one_of_the_source) {
    for (const message& one : all_messages()) {
        for (std::string_view rest : wordings_of(one.text)) {
            while (!rest.empty()) {
                const std::size_t end = std::min(rest.find("…"), rest.size());
                std::string_view part = rest.substr(0, end);
                rest.remove_prefix(std::min(end + std::string_view("…").size(), rest.size()));
                constexpr std::string_view around = " .:;,'()";
                const std::size_t begin = part.find_first_not_of(around);
                if (begin == std::string_view::npos) {
                    continue;
                }
                part = part.substr(begin, part.find_last_not_of(around) + 1 - begin);
                EXPECT_NE(literals_of_the_source().find(part), std::string::npos) << one.id << ": " << part;
            }
        }
    }
}

TEST(message, each_has_one_id_and_says_what_it_means) {
    std::set<std::string_view> ids;
    for (const message& one : all_messages()) {
        EXPECT_TRUE(ids.insert(one.id).second) << one.id;
        EXPECT_NE(one.id.find('.'), std::string_view::npos) << one.id;
        EXPECT_FALSE(one.means.empty()) << one.id;
        EXPECT_FALSE(wordings_of(one.text).empty()) << one.id;
    }
    for (const package_finding& one : package_findings()) {
        EXPECT_TRUE(ids.insert(one.id).second) << one.id;
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
    EXPECT_EQ(id("no such thing"), "");
    EXPECT_EQ(id(""), "");
}

TEST(message, of_two_wordings_with_the_same_words_the_whole_sentence_counts) {
    EXPECT_EQ(message_id("http://10.0.0.5:11434 can't be reached: connection refused"), "runtime.remote");
    EXPECT_EQ(message_id("can't be reached: permission denied"), "program.folder");
}

// Some wordings stand in several messages, and say the same in each.
TEST(message, each_wording_finds_a_message_that_says_it) {
    for (const message& one : all_messages()) {
        for (const std::string_view wording : wordings_of(one.text)) {
            std::string sentence(wording);
            for (std::size_t at = 0; (at = sentence.find("…", at)) != std::string::npos;) {
                sentence.replace(at, std::string_view("…").size(), "7");
            }
            const auto found = find_message(sentence);
            ASSERT_TRUE(found) << one.id << ": " << sentence;
            if (found->id != one.id) {
                EXPECT_THAT(wordings_of(found->text), testing::Contains(wording))
                    << one.id << ": " << sentence << " is found as " << found->id;
            }
        }
    }
}

TEST(message, each_cause_of_a_reason_has_its_id) {
    EXPECT_THAT(message_ids("loading again after: ended by itself: killed by SIGSEGV: The runtime crashed."),
                ElementsAre("service.loading-again", "service.ended"));
    EXPECT_THAT(
        message_ids(
            "failed too often, the last time: its first test failed: A first test answer had no text."),
        ElementsAre("service.gave-up", "service.first-test-failed", "runtime.first-test"));
    EXPECT_TRUE(message_ids("").empty());
    EXPECT_EQ(message_id("corral.toml:3:1: unknown key 'prot' in [[models]]; did you mean 'port'?"),
              "configuration.unknown-key");
    EXPECT_EQ(message_id("a line of no table"), "");
}

TEST(message, a_chain_of_causes_is_a_list) {
    EXPECT_THAT(causes_of("loading again after: ended by itself: killed by SIGSEGV: The runtime crashed.; "
                          "the device: 37 C, "
                          "18 of 7040 MB in use"),
                ElementsAre("loading again after", "ended by itself", "killed by SIGSEGV",
                            "The runtime crashed.", "the device: 37 C, 18 of 7040 MB in use"));
    EXPECT_THAT(causes_of("failed too often, the last time: ended by itself: exit status 3"),
                ElementsAre("failed too often, the last time", "ended by itself", "exit status 3"));
    EXPECT_THAT(causes_of("port 8000 is already taken by x (pid 1)"),
                ElementsAre("port 8000 is already taken by x (pid 1)"));
    EXPECT_THAT(causes_of("loading again after: a: b: c"), ElementsAre("loading again after", "a: b: c"));
    EXPECT_TRUE(causes_of("").empty());
}

TEST(message, a_chain_of_causes_is_a_line_without_colons_in_colons) {
    EXPECT_EQ(
        reason_line("failed too often, the last time: ended by itself: killed by SIGSEGV: The runtime "
                    "crashed.; the device: 37 C"),
        "failed too often, the last time it ended by itself, killed by SIGSEGV. The runtime crashed. The "
        "device: 37 C");
    EXPECT_EQ(reason_line("loading again after: it hung"), "loading again, because it hung");
    EXPECT_EQ(reason_line("loading again after: ended by itself: exit status 3"),
              "loading again, because it ended by itself, exit status 3");
    EXPECT_EQ(reason_line("loading again after: not ready within 60 s"),
              "loading again after this: not ready within 60 s");
    EXPECT_EQ(
        reason_line("failed too often, the last time: its first test failed: A first test answer had no "
                    "text."),
        "failed too often, the last time its first test failed. A first test answer had no text.");
    EXPECT_EQ(
        reason_line("waiting for device memory; then loading again after: ended by itself: exit status 3"),
        "waiting for device memory, then loading again, because it ended by itself, exit status 3");
    EXPECT_EQ(reason_line("printed what may mean: The card is hot."),
              "printed what may mean: The card is hot.");
    EXPECT_EQ(reason_line("port 8000 is taken"), "port 8000 is taken");
    EXPECT_EQ(reason_line(""), "");
}

}  // namespace
}  // namespace corral::catalog::test

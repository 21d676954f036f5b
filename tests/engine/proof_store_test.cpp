#include "engine/dialects/ax_poll/proof_store.hpp"

#include <chrono>
#include <fstream>
#include <string>

#include <unistd.h>

#include <gtest/gtest.h>

namespace corral::engine::ax_poll {
namespace {

namespace fs = std::filesystem;
using verdict = reuse_proof::verdict;

class proof_store : public ::testing::Test {
protected:
    proof_store() {
        char name[] = "/tmp/corral_proofs_XXXXXX";
        folder = ::mkdtemp(name);
        fs::create_directories(folder / "kept");
    }
    ~proof_store() override { fs::remove_all(folder); }

    fs::path package(const std::string& name) const {
        const fs::path out = folder / name;
        fs::create_directories(out);
        std::ofstream(out / "layer.axmodel") << "rows";
        std::ofstream(out / "server") << "computes";
        fs::permissions(out / "server", fs::perms::owner_all);
        std::ofstream(out / "server.log") << "started";
        return out;
    }
    proof_place place(const fs::path& of) const {
        return proof_place_of(folder / "kept", of,
                              {{"./server", "--port", std::to_string(++port_), "--log", "server.log"},
                               {"./server", "--port", "{port}", "--log", "server.log"},
                               "1f4b:0650"});
    }
    std::size_t files() const {
        return static_cast<std::size_t>(
            std::distance(fs::directory_iterator(folder / "kept"), fs::directory_iterator()));
    }

    fs::path folder;
    mutable int port_ = 8000;  // another for each start
    const reuse_proof equal{reuse_proof::verdict::equal, "The same."};
};

TEST_F(proof_store, is_recalled_for_the_same_package_and_runtime_only) {
    const fs::path one = package("one");
    EXPECT_EQ(recall_proof(place(one)).says, reuse_proof::verdict::open);
    EXPECT_EQ(keep_proof(place(one), equal), "");
    EXPECT_EQ(recall_proof(place(one)).says, reuse_proof::verdict::equal);
    EXPECT_EQ(recall_proof(place(one)).why, "The same.");
    EXPECT_EQ(recall_proof(place(package("two"))).why, "");
    EXPECT_EQ(
        recall_proof(proof_place_of(folder / "kept", one, {{"./server"}, {"./server", "--more"}, ""})).why,
        "");
}

TEST_F(proof_store, what_computes_nothing_may_change) {
    const fs::path one = package("one");
    EXPECT_EQ(keep_proof(place(one), equal), "");
    std::ofstream(one / "server.log", std::ios::app) << "and again";
    std::ofstream(one / "qwen3_tokenizer_uid.py") << "text += '/no_think'";
    for (const char* file : {"layer.axmodel", "server"}) {
        fs::last_write_time(one / file, fs::file_time_type::clock::now() + std::chrono::hours{1});
    }
    EXPECT_EQ(recall_proof(place(one)).says, reuse_proof::verdict::equal);
}

TEST_F(proof_store, says_what_has_changed) {
    const fs::path one = package("one");
    EXPECT_EQ(keep_proof(place(one), equal), "");
    const auto changed = [&] { return recall_proof(place(one)).why; };
    std::ofstream(one / "layer.axmodel") << "sows";  // of the same size
    EXPECT_EQ(
        changed(),
        "This box compared before, but the weights changed since; it compares again while the box is idle.");
    std::ofstream(one / "server") << "computes otherwise";
    EXPECT_NE(changed().find("but the runtime's program and the weights changed"), std::string::npos);
    package("one");
    EXPECT_EQ(changed(), "The same.");
    proof_place other = place(one);
    other.of.card = "1f4b:0651";
    EXPECT_NE(recall_proof(other).why.find("but the card's type changed"), std::string::npos);
    EXPECT_EQ(recall_proof(other).says, reuse_proof::verdict::open);
}

TEST_F(proof_store, a_file_of_a_newer_version_is_not_read_and_stays) {
    const fs::path one = package("one");
    EXPECT_EQ(keep_proof(place(one), equal), "");
    std::string text;
    std::getline(std::ifstream(place(one).file), text, '\0');
    ASSERT_NE(text.find("\"format\": 1"), std::string::npos) << text;
    text.replace(text.find("\"format\": 1"), 11, "\"format\": 2");
    std::ofstream(place(one).file) << text;
    EXPECT_EQ(recall_proof(place(one)).says, reuse_proof::verdict::open);
    EXPECT_NE(keep_proof(place(one), equal).find("newer version of Corral"), std::string::npos);
    fs::remove_all(one);
    EXPECT_EQ(remove_stale_proofs(folder / "kept"), 0U);
    std::string after;
    std::getline(std::ifstream(place(one).file), after, '\0');
    EXPECT_EQ(after, text);
}

TEST_F(proof_store, a_package_that_changed_is_compared_anew_and_has_one_file) {
    const fs::path one = package("one");
    EXPECT_EQ(keep_proof(place(one), equal), "");
    std::ofstream(one / "layer.axmodel") << "other rows of another size";
    EXPECT_EQ(recall_proof(place(one)).says, reuse_proof::verdict::open);
    EXPECT_EQ(keep_proof(place(one), equal), "");
    EXPECT_EQ(recall_proof(place(one)).says, reuse_proof::verdict::equal);
    EXPECT_EQ(files(), 1U);
}

TEST_F(proof_store, files_of_packages_that_are_gone_are_removed_and_nothing_else) {
    const fs::path one = package("one");
    const fs::path gone = package("gone");
    EXPECT_EQ(keep_proof(place(one), equal), "");
    EXPECT_EQ(keep_proof(place(gone), equal), "");
    for (const char* name : {"reuse-notes.json", "reuse-0123456789abcdef.json.bak", "other.json"}) {
        std::ofstream(folder / "kept" / name) << "somebody's";
    }
    EXPECT_EQ(remove_stale_proofs(folder / "kept"), 0U);
    fs::remove_all(gone);
    EXPECT_EQ(remove_stale_proofs(folder / "kept"), 1U);
    EXPECT_EQ(recall_proof(place(one)).says, reuse_proof::verdict::equal);
    EXPECT_EQ(files(), 4U);
    EXPECT_EQ(remove_stale_proofs(folder / "nowhere"), 0U);
}

TEST(reuse_proof, says_which_token_differed_first) {
    const reuse_proof equal = compare_answers({{1, 2, 3}, {4}}, {{1, 2, 3}, {4}}, "2026-11-22");
    EXPECT_EQ(equal.says, verdict::equal);
    EXPECT_NE(equal.why.find("2026-11-22"), std::string::npos);
    const reuse_proof other = compare_answers({{1, 2, 3}, {4, 5, 6}}, {{1, 2, 3}, {4, 5, 7}}, "2026-11-22");
    EXPECT_EQ(other.says, verdict::different);
    EXPECT_EQ(other.why, "Token 3 of further turn 2 was 6 behind the cache and 7 anew, on 2026-11-22.");
    const reuse_proof shorter = compare_answers({{1, 2, 3}}, {{1, 2}}, "2026-11-22");
    EXPECT_EQ(shorter.why, "Token 3 of further turn 1 was 3 behind the cache and none anew, on 2026-11-22.");
    const reuse_proof longer = compare_answers({{1, 2}}, {{1, 2, 3}}, "2026-11-22");
    EXPECT_EQ(longer.says, verdict::different);
}

TEST(reuse_proof, no_answers_prove_nothing) {
    EXPECT_EQ(compare_answers({}, {}, "2026-11-22").says, verdict::open);
    EXPECT_EQ(compare_answers({{1}}, {}, "2026-11-22").says, verdict::open);
    EXPECT_EQ(compare_answers({{}}, {{}}, "2026-11-22").says, verdict::open);
}

TEST(reuse_proof, is_read_back_as_it_was_kept) {
    for (const reuse_proof& one :
         {compare_answers({{1}}, {{1}}, "2026-11-22"), compare_answers({{1}}, {{2}}, "2026-11-22")}) {
        const auto read = proof_of(text_of({.proof = one, .package = "/models/m", .of = {"07", "08", ""}}));
        ASSERT_TRUE(read);
        EXPECT_EQ(read->proof.says, one.says);
        EXPECT_EQ(read->proof.why, one.why);
        EXPECT_EQ(read->package, "/models/m");
        EXPECT_EQ(read->of.runtime + read->of.weights + read->of.card, "0708");
    }
    for (
        const char* text :
        {"", "{", "[]", "{}",
         R"({"equal": 1, "why": "x", "package": "/p", "runtime": "1", "weights": "2", "card": "3"})",
         R"({"equal": true, "why": "x"})",
         R"({"format": 2, "equal": true, "why": "x", "package": "/p", "runtime": "1", "weights": "2", "card": "3"})",
         R"({"equal": true, "why": "", "package": "/p", "runtime": "1", "weights": "2", "card": "3"})"}) {
        EXPECT_FALSE(proof_of(text)) << text;
    }
}

TEST(reuse_proof, a_box_that_is_never_idle_is_not_left_without_one) {
    using namespace std::chrono_literals;
    const auto pace = [](core::nanoseconds open_for) { return pace_of_proof(open_for, 10s, true); };
    EXPECT_EQ(pace(0s).idle, 10s);
    EXPECT_EQ(pace(59s).idle, 10s);
    EXPECT_EQ(pace(1min).idle, 500ms);
    EXPECT_FALSE(pace(119s).insists);
    EXPECT_TRUE(pace(2min).insists);
    EXPECT_EQ(pace_of_proof(0s, 10s, false).idle, 500ms) << "nobody has asked anything yet";
}

}  // namespace
}  // namespace corral::engine::ax_poll

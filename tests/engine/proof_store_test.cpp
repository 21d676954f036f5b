#include "engine/dialects/ax_poll/proof_store.hpp"

#include <unistd.h>

#include <chrono>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

namespace corral::engine::ax_poll {
namespace {

namespace fs = std::filesystem;

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
        "This box compared before, but the weights changed since; it compares anew while the box is idle.");
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

}  // namespace
}  // namespace corral::engine::ax_poll

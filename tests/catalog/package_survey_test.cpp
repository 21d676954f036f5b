#include "corral/catalog/package_survey.hpp"

#include <gtest/gtest.h>

#include "catalog/temporary_folder.hpp"

namespace corral::catalog {
namespace {

using tests::temporary_folder;

TEST(package_survey, counts_the_files_of_the_model_and_nothing_else) {
    const temporary_folder package;
    package.write("model/layer0.axmodel", std::string(1000, 'x'));
    package.write("model/layer1.axmodel", std::string(500, 'x'));
    package.write("config.json", "");
    package.write(".git/objects/pack", std::string(9999, 'x'));
    package.write("qwen2.5_tokenizer/__pycache__/a.pyc", std::string(9999, 'x'));
    package.write("venv/pyvenv.cfg", "home = /usr/bin\n");
    package.write("venv/1/2/3/4/5/6/7/8/9/deep.h", std::string(9999, 'x'));
    const auto found = survey_package(package.path());
    ASSERT_TRUE(found) << found.error().message;
    EXPECT_EQ(found->size_bytes, 1500U);
    EXPECT_EQ(found->listing, "config.json 0\nmodel/layer0.axmodel 1000\nmodel/layer1.axmodel 500\n");
    EXPECT_EQ(found->no_think_script, "");
    EXPECT_GT(found->modified.time_since_epoch().count(), 0);
}

TEST(package_survey, tells_the_time_of_the_newest_file) {
    const temporary_folder package;
    const auto old = package.write("old", "x");
    const auto fresh = package.write("fresh", "x");
    const auto now = std::filesystem::last_write_time(fresh);
    std::filesystem::last_write_time(old, now - std::chrono::hours{48});
    std::filesystem::last_write_time(fresh, now - std::chrono::hours{24});
    const auto found = survey_package(package.path());
    ASSERT_TRUE(found);
    const auto age = std::chrono::system_clock::now() - found->modified;
    EXPECT_GT(age, std::chrono::hours{23});
    EXPECT_LT(age, std::chrono::hours{25});
}

// A download cache holds links to the real files.
TEST(package_survey, follows_links_to_files_but_not_to_folders_or_to_nowhere) {
    const temporary_folder blobs;
    const auto blob = blobs.write("blob", std::string(700, 'x'));
    const temporary_folder package;
    std::filesystem::create_symlink(blob, package.path() / "layer.axmodel");
    std::filesystem::create_symlink(package.path(), package.path() / "loop");
    std::filesystem::create_symlink("/nowhere/at/all", package.path() / "broken");
    const auto found = survey_package(package.path());
    ASSERT_TRUE(found) << found.error().message;
    EXPECT_EQ(found->listing, "layer.axmodel 700\n");
}

TEST(package_survey, knows_a_script_that_forbids_thinking) {
    const temporary_folder package;
    package.write("qwen2.5_tokenizer_uid.py", "print('hello')\n");
    package.write("other.py", "'/no_think'");
    package.write("deeper/qwen3_tokenizer_uid.py", "'/no_think'");
    EXPECT_EQ(survey_package(package.path())->no_think_script, "");
    package.write("qwen3_tokenizer_uid.py", "if not text.endswith('/no_think'):\n    text += '/no_think'\n");
    EXPECT_EQ(survey_package(package.path())->no_think_script, "qwen3_tokenizer_uid.py");
}

TEST(package_survey, of_a_missing_or_bottomless_folder_fails_with_a_sentence) {
    const temporary_folder package;
    const auto absent = survey_package(package.path() / "absent");
    ASSERT_FALSE(absent);
    EXPECT_EQ(absent.error().code, boost::system::errc::no_such_file_or_directory);
    EXPECT_NE(absent.error().message.text().find("absent"), std::string::npos);

    package.write("a/b/c/d/e/f/g/h/i/j/file", "x");
    const auto deep = survey_package(package.path());
    ASSERT_FALSE(deep);
    EXPECT_EQ(deep.error().code, core::errc::limit_exceeded);
}

TEST(sha256, is_the_standard_one) {
    EXPECT_EQ(sha256_hex("abc").value(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

}  // namespace
}  // namespace corral::catalog

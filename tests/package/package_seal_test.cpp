#include "corral/package/package_seal.hpp"

#include <filesystem>

#include <gmock/gmock.h>

#include "catalog/temporary_folder.hpp"

namespace corral::package {
namespace {

namespace fs = std::filesystem;
using catalog::severity;
using testing::HasSubstr;
using testing::IsEmpty;

class sealed_package : public testing::Test {
protected:
    sealed_package() {
        box.write("p/model.bin", "weights");
        box.write("p/l0", "layer");
        model.package = box.path() / "p";
        model.source = box.path() / "models.d/m.toml";
        keep(false);
    }
    void keep(bool strict) {
        const auto tree = package_tree::open(model.package);
        const std::vector<listed_file> list{{"model.bin", std::string(64, 'a')},
                                            {"l0", std::string(64, 'b')}};
        box.write("models.d/m.sums", text_of(seal_package(*tree, list, strict)));
    }

    tests::temporary_folder box;
    catalog::model_entry model;
};

TEST_F(sealed_package, that_did_not_change_has_nothing_to_tell) {
    EXPECT_THAT(check_seal(model), IsEmpty());
    EXPECT_EQ((*find_seal(model))->files.size(), 2U);
    model.source = box.path() / "models.d/other.toml";
    EXPECT_THAT(check_seal(model), IsEmpty()) << "imported without checksums";
    model.source.clear();
    EXPECT_THAT(check_seal(model), IsEmpty()) << "of the main file";
}

TEST_F(sealed_package, names_a_file_of_another_size_time_or_inode) {
    box.write("p/model.bin", "weight");
    auto found = check_seal(model);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].id, "package.changed");
    EXPECT_EQ(found[0].level, severity::warning);
    EXPECT_THAT(found[0].what, HasSubstr("'model.bin' was changed or replaced since the import"));
    keep(false);
    const auto then = fs::last_write_time(model.package / "l0");
    fs::last_write_time(model.package / "l0", then - std::chrono::hours(1));
    EXPECT_THAT(check_seal(model)[0].what, HasSubstr("'l0' was"));
    fs::last_write_time(model.package / "l0", then);
    EXPECT_THAT(check_seal(model), IsEmpty());
    box.write("p/new", "layer");
    fs::last_write_time(model.package / "new", then);
    fs::rename(model.package / "new", model.package / "l0");
    EXPECT_THAT(check_seal(model)[0].what, HasSubstr("'l0' was"));
    fs::remove(model.package / "l0");
    EXPECT_THAT(check_seal(model)[0].what, HasSubstr("'l0' was"));
}

TEST_F(sealed_package, for_another_machine_is_judged_there_by_sizes_and_content) {
    const auto here = find_seal(model);
    ASSERT_TRUE(here && *here);
    fs::copy(model.package, box.path() / "there", fs::copy_options::recursive);
    model.package = box.path() / "there";
    box.write("models.d/m.sums", text_of(moved_seal(**here, model.package)));
    EXPECT_THAT(check_seal(model), IsEmpty());
    box.write("there/l0", "another");
    ASSERT_EQ(check_seal(model).size(), 1U);
    EXPECT_EQ(check_seal(model)[0].id, "package.changed");
}

TEST_F(sealed_package, under_a_required_signature_a_change_keeps_it_from_starting) {
    keep(true);
    box.write("p/l0", "other");
    EXPECT_EQ(check_seal(model)[0].level, severity::error);
}

TEST_F(sealed_package, under_a_required_signature_an_added_file_keeps_it_from_starting) {
    for (const char* added : {"__pycache__/m.cpython-311.pyc", ".hidden", "SHA256SUMS.py", "new"}) {
        box.write("p/" + std::string(added), "x");
        keep(false);
        EXPECT_THAT(check_seal(model), IsEmpty()) << added;
        keep(true);
        const auto found = check_seal(model);
        ASSERT_EQ(found.size(), 1U) << added;
        EXPECT_EQ(found[0].id, "package.unlisted");
        EXPECT_EQ(found[0].level, severity::error);
        EXPECT_THAT(found[0].what, HasSubstr(added));
        fs::remove_all(model.package / std::string(added).substr(0, std::string(added).find('/')));
    }
}

TEST_F(sealed_package, that_is_another_folder_now_is_not_judged_by_it) {
    box.write("q/model.bin", "x");
    model.package = box.path() / "q";
    EXPECT_THAT(check_seal(model), IsEmpty());
}

TEST_F(sealed_package, a_record_that_is_damaged_or_newer_is_said) {
    for (const char* text :
         {"", "{", "[]", R"({"format":1,"package":"/p","strict":false,"files":[{"path":"../x"}]})",
          R"({"format":1,"package":"/p","strict":false,"files":{}})", R"({"format":0})"}) {
        box.write("models.d/m.sums", text);
        ASSERT_EQ(check_seal(model).size(), 1U) << text;
        EXPECT_EQ(check_seal(model)[0].id, "package.seal") << text;
    }
    box.write("models.d/m.sums", R"({"format":2,"anything":1})");
    EXPECT_THAT(check_seal(model)[0].what, HasSubstr("a newer version of Corral wrote"));
}

}  // namespace
}  // namespace corral::package

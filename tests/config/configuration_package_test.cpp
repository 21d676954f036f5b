#include <gtest/gtest.h>

#include "config/configuration_fixture.hpp"
#include "corral/fleet/reload_policy.hpp"

namespace corral::config {
namespace {

class configuration_package : public configuration_file {
protected:
    void SetUp() override {
        configuration_file::SetUp();
        folder_.write("vendor/small/profile.toml", R"(name = "small"
dialect = "d"
[variables.layers]
about = "how many"
[variables.layer_files]
about = "with %d"
kind = "numbered-files"
count = "layers"
on_device = true
[[services]]
name = "runtime"
command = ["./run", "{layer_files}", "{layers}"]
port = 8000
stop_loading = [{ signal = "SIGKILL", to = "group", grace = "1s" }]
stop_ready = [{ signal = "SIGKILL", to = "group", grace = "1s" }]
)");
    }
    std::uint64_t device_bytes_with(unsigned layers) {
        const auto read = load(model_of(layers));
        EXPECT_TRUE(read.value) << complaints(model_of(layers));
        return read.value ? read.value->models.at(0).device_bytes : 1;
    }
    static std::string model_of(unsigned layers) {
        return "[[models]]\nname = \"a\"\nprofile = \"small\"\npackage = \"package\"\nvariables = { layers "
               "= " +
               std::to_string(layers) + ", layer_files = \"l%d\" }\n";
    }
};

TEST_F(configuration_package, knows_what_the_accelerators_memory_takes) {
    folder_.write("package/l0", std::string(1000, 'x'));
    EXPECT_EQ(device_bytes_with(1), 1000U);
    EXPECT_EQ(device_bytes_with(2), 0U) << "not all of it is there";
    folder_.write("package/l1", std::string(500, 'x'));
    EXPECT_EQ(device_bytes_with(2), 1500U);
}

TEST_F(configuration_package, a_model_is_as_large_as_its_own_files) {
    folder_.write("package/another_model", std::string(5000, 'x'));
    const auto half = load(model_of(1));
    ASSERT_TRUE(half.value);
    EXPECT_GE(half.value->models.at(0).size_bytes, 5000U)
        << "not all of it is there, so the folder has to do";
    folder_.write("package/l0", std::string(1000, 'x'));
    const auto whole = load(model_of(1));
    ASSERT_TRUE(whole.value);
    EXPECT_EQ(whole.value->models.at(0).size_bytes, 1000U);
}

TEST_F(configuration_package, a_file_that_grew_is_no_other_model) {
    folder_.write("package/l0", std::string(1000, 'x'));
    const auto before = load(model_of(1));
    folder_.write("package/l0", std::string(2000, 'x'));
    const auto after = load(model_of(1));
    ASSERT_TRUE(before.value && after.value);
    EXPECT_NE(before.value->models[0].device_bytes, after.value->models[0].device_bytes);
    EXPECT_TRUE(fleet::same_setup(before.value->models[0], after.value->models[0]));
}

}  // namespace
}  // namespace corral::config

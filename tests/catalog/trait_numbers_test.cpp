#include "corral/catalog/trait_numbers.hpp"

#include <gmock/gmock.h>

namespace corral::catalog {
namespace {

using testing::HasSubstr;

model_entry started_with(const std::string& context, const std::string& parallel) {
    model_entry model;
    model.name = "m:latest";
    model.runtime.name = "server";
    model.runtime.traits.context = "context";
    model.runtime.traits.capacity = "parallel";
    model.variables = {{"context", context}, {"parallel", parallel}};
    return model;
}

TEST(trait_numbers, come_from_the_variables_that_the_runtime_is_started_with) {
    model_entry model = started_with("8192", "4");
    EXPECT_EQ(capacity_of(model).value(), 4U);
    EXPECT_EQ(context_of(model).value(), 8192U);
    model.runtime.traits.context_is_shared = true;
    EXPECT_EQ(context_of(model).value(), 2048U);
    model.runtime.traits.context = "4096";
    model.runtime.traits.capacity = "1";
    EXPECT_EQ(context_of(model).value(), 4096U);
    model.runtime.traits.context.clear();
    EXPECT_EQ(context_of(model).value(), 0U) << "the profile does not know";
}

TEST(trait_numbers, what_is_no_number_is_named) {
    for (const char* wrong : {"", "many", "0", "-1", "8192k", "99999999999"}) {
        const auto context = context_of(started_with(wrong, "1"));
        ASSERT_FALSE(context) << wrong;
        EXPECT_THAT(context.error().message, HasSubstr("'context' of profile server"));
        EXPECT_THAT(context.error().message, HasSubstr("is '" + std::string(wrong) + "'"));
        EXPECT_FALSE(capacity_of(started_with("1", wrong)));
    }
    EXPECT_FALSE(capacity_of(started_with("1", "257")));
}

}  // namespace
}  // namespace corral::catalog

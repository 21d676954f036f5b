#pragma once
// What the commands include too.

#include "corral_precompiled.hpp"

#include <CLI/CLI.hpp>

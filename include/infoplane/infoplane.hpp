#pragma once

/// Everything that a trainer needs. Each header below can be included alone.
#include <infoplane/callbacks/best_checkpoint.hpp>
#include <infoplane/callbacks/early_stopping.hpp>
#include <infoplane/core/error.hpp>
#include <infoplane/core/version.hpp>
#include <infoplane/distributed/environment.hpp>
#include <infoplane/estimator/accumulator.hpp>
#include <infoplane/hooks/tap.hpp>
#include <infoplane/hooks/watch.hpp>
#include <infoplane/monitor/equal_count_bins.hpp>
#include <infoplane/monitor/monitor.hpp>
#include <infoplane/plane/phases.hpp>
#include <infoplane/plane/trajectory.hpp>
#include <infoplane/sinks/console_sink.hpp>
#include <infoplane/sinks/csv_sink.hpp>
#include <infoplane/sinks/html_sink.hpp>
#include <infoplane/sinks/json_lines_sink.hpp>
#include <infoplane/sinks/tensor_board_sink.hpp>

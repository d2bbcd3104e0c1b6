// SPDX-License-Identifier: LGPL-2.1-or-later
#include "glue/downstream_flow.h"

namespace embed::gst {

void DownstreamFlow::reset() {
  const std::lock_guard<std::mutex> lock(mutex_);
  flow_ = GST_FLOW_OK;
  told_ = false;
  segments_ = 0;
}

GstFlowReturn DownstreamFlow::ask() {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (flow_ == GST_FLOW_EOS && segments_ > 0) return GST_FLOW_OK;
  told_ |= flow_ != GST_FLOW_OK;
  return flow_;
}

void DownstreamFlow::segment_comes() {
  const std::lock_guard<std::mutex> lock(mutex_);
  ++segments_;
}

bool DownstreamFlow::is_open() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return flow_ == GST_FLOW_OK;
}

void DownstreamFlow::segment_leaves() {
  const std::lock_guard<std::mutex> lock(mutex_);
  --segments_;
  if (flow_ == GST_FLOW_EOS) flow_ = GST_FLOW_OK;
}

void DownstreamFlow::take(GstFlowReturn flow, bool posted) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (flow_ != GST_FLOW_OK) return;
  flow_ = flow;
  told_ = posted;
}

GstFlowReturn DownstreamFlow::untold_error() {
  const std::lock_guard<std::mutex> lock(mutex_);
  const bool error = flow_ == GST_FLOW_NOT_LINKED || flow_ < GST_FLOW_EOS;
  if (told_ || !error) return GST_FLOW_OK;
  told_ = true;
  return flow_;
}

void DownstreamFlow::relinked() {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (flow_ == GST_FLOW_NOT_LINKED) flow_ = GST_FLOW_OK;
}

}  // namespace embed::gst

// What identifiers mean, in Chinese: measures, what invariants promise, what faults are called. In English the report brings it.

const MEASURES_ZH = {
  acceptance_percent: "可成交销售中的成交率",
  availability_percent: "营业时间内可用率",
  recovery_s_p95: "断电或崩溃后恢复服务，95 分位",
  recovery_s_max: "恢复服务，最慢",
  sale_s_p95: "从刷卡到交易结束，95 分位",
  sale_s_p95_from_10_percent_full: "同上，占用 10–50 % 时",
  sale_s_p95_from_50_percent_full: "同上，占用 50–90 % 时",
  sale_s_p95_from_90_percent_full: "同上，占用 90–99 % 时",
  sale_s_p95_from_99_percent_full: "同上，占用 99 % 以上时",
  leak_bytes_per_sale: "每笔交易多占的内存",
  dies_on_day: "不重启将耗尽内存的日子（第几天）",
  value_at_risk_yuan: "单台终端已批准未结算的最大金额",
  late_payouts: "逾期到账笔数",
  late_payout_h_max: "到账最大逾期（小时）",
  to_account_h_p95: "从交易到到账，95 分位（小时）",
  terminal_days: "终端数乘天数",
  sales_asked: "顾客想做的销售",
  sales_feasible: "其中可成交的（电源、网络、主机、卡均正常）",
  sales_accepted: "其中已批准的",
  events: "历史中的事件数",
  diverged: "未出现的固定决定",
};

const PROMISES_ZH = {
  no_lost_approval: "凡显示过“批准”的交易，要么已结算，要么仍在终端的流水里。",
  agreement: "没有在途交易时，主机与终端的交易一致。",
  no_double_charge: "任何顾客的扣款不超过所购商品的价格。",
  write_ahead: "只有冲正已持久保存，才发送销售或撤销请求。",
  reversal_removed: "只有主机答复，或批准已保存之后，才删除冲正。",
  reversal_first: "有冲正待发时，不发送新的资金类请求。",
  exclusive_fate: "同一笔交易不会在终端批准、又在主机被冲正。",
  stan_unique: "同一批次内，一个流水号只用于一个请求。",
  sound_answers: "迟到、不匹配或未经认证的应答不会批准任何交易。",
  totals_match_log: "结算总计等于流水中各笔之和，且每笔只出现一次。",
  clear_needs_proof: "只有主机答复批次已关闭，才放弃该批次。",
  settlement_exactly_once: "每个批次恰好结算一次，结算单与主机结算的内容一致。",
  admission: "记录无法保存或批次已满时，不发送资金类请求。",
  full_message: "终端恰在存储真正已满时提示已满，已满时不受理销售。",
  settlement_frees_space: "存储已满时也能结算；结算后空间恢复，可以继续销售。",
  batch_advances: "批次随结算结束：批次号加一且不再重用，未结算不签退。",
  record_atomicity: "断电之后每条记录都完整，已确认的一条不少。",
  corruption_detected: "存储数据损坏后，不会在没有告警的情况下发送、打印或结算错误内容。",
  recovery_idempotent: "恢复中断后重新恢复，得到的记录与一次恢复相同。",
  void_and_refund: "一笔销售至多撤销一次，须全额且未结算；退款不超过原金额。",
  completion_within_hold: "预授权至多完成一次，不超过 115 %，已撤销或过期的不能完成。",
  reversal_drains: "每个待发冲正都要发送到主机应答为止。",
  settlement_resumes: "中断的结算从中断处继续，并在下一笔销售之前结束。",
  returns_to_service: "任何故障之后，终端在声明的时间内恢复服务，不会反复重启。",
  offline_once: "每笔脱机批准恰好上送主机一次，且在批次结算之前。",
  memory_bounded: "软件占用的内存不随交易笔数增长。",
  fast_at_every_fill: "无论存储多满，100 笔销售中有 95 笔在厂商声明的时间内完成。",
  no_sensitive_data: "交易完成后，磁道数据和 PIN 数据块不留存、不显示、不打印。",
  card_number_protected: "卡号的保存、打印和日志只保留前六后四位，或加密。",
  funds_paid_once: "结算款只支付一次，付到所设账户；设置有误须让人看到并被拒绝。",
  orders_end: "扫码订单要么已付且终端知晓，要么未付；只有已付才显示成功。",
  no_silent_charge: "终端从未显示成功的销售，不会向任何人扣款。",
};

const FAULTS_ZH = {
  bad_contact: "接触不良", brown_out: "电压跌落", card_unreadable: "读卡失败", clock_jump: "时钟跳变", cloned_tid: "终端号被克隆", congestion: "网络拥塞",
  corrupt_file: "文件损坏", corrupt_nvram: "NVRAM 位翻转", corrupt_read: "读出错误", crash: "软件被杀", day_cut_over: "主机日切", dead_chip: "存储芯片失效",
  device_lost: "设备报废", device_swap: "更换设备", forgotten_reversal: "冲正被遗忘", fsync_failure: "fsync 失败", full_storage: "存储写满", half_open: "应答全部丢失",
  host_miscounts: "主机计数有误", host_overloaded: "主机过载", host_responds: "主机返回错误码", host_silent: "主机不应答", inode_exhaustion: "inode 耗尽",
  interference: "电磁干扰", issuer_declines: "发卡行拒绝", late_confirmation: "顾客确认过晚", late_payout: "到账延迟", late_reply: "迟到的应答", latency_drift: "存储逐日变慢",
  link_reset: "连接被重置", lose_erase_block: "擦除块丢失", lose_file: "文件丢失", maintenance: "主机维护", memory_leak: "内存泄漏", misdirected_write: "写错位置",
  mismatched_reply: "应答不匹配", misreported_space: "剩余空间误报", no_clean_block: "没有干净块", overheating: "过热", paper_out: "缺纸", partition: "网络中断",
  power_loss: "断电", quota: "配额用尽", read_only: "变为只读", reversals_refused: "冲正被拒", scheduled_restart: "定时重启", settlement_error: "结算应答错误",
  shrink_capacity: "容量缩小", slow_reply: "应答缓慢", slow_with_fill: "越满越慢", software_update: "软件升级", stale_backup: "恢复旧备份", storage_error: "存储 I/O 错误",
  truncate_file: "文件被截断", unreadable_sector: "扇区不可读", wear_out: "闪存磨损", wrong_account: "账户错误", wrong_address: "网络设置错误", wrong_mac: "MAC 错误",
};

const own = (table, key) => (Object.hasOwn(table, key) ? table[key] : "");

function measureName(spread) {
  return (state.language === "zh" && own(MEASURES_ZH, spread.name)) || spread.meaning || "";
}

// What an invariant promises, of one that is named with its number; of two under one number nobody can tell here which it was.
function promiseOf(column) {
  if (!column || column.name.includes(",")) return "";
  return (state.language === "zh" && own(PROMISES_ZH, column.name)) || column.sentence || "";
}

function faultName(kind) {
  return state.language === "zh" ? own(FAULTS_ZH, kind) : "";
}

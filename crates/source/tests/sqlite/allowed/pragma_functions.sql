SELECT name FROM pragma_table_info('customer'); SELECT count(*) FROM pragma_index_list('customer');

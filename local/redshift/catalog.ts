/** What a database needs to pass for Redshift; run once by the superuser. */
export const catalogSql = `
CREATE SCHEMA IF NOT EXISTS redshift_double;
GRANT USAGE ON SCHEMA redshift_double TO PUBLIC;

-- "STRTOL function".
CREATE OR REPLACE FUNCTION public.strtol(digits text, base integer) RETURNS bigint LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
  IF base = 16 THEN RETURN ('x' || lpad(digits, 16, '0'))::bit(64)::bigint; END IF;
  IF base = 10 THEN RETURN digits::bigint; END IF;
  RAISE EXCEPTION 'the double knows STRTOL only with base 10 and 16';
END $$;

-- "GETDATE function": the time of the statement, without fractions or zone.
CREATE OR REPLACE FUNCTION public.getdate() RETURNS timestamp LANGUAGE sql STABLE AS
  $$ SELECT date_trunc('second', statement_timestamp() AT TIME ZONE 'UTC') $$;

-- "PG_LAST_COPY_COUNT".
CREATE OR REPLACE FUNCTION public.pg_last_copy_count() RETURNS bigint LANGUAGE sql VOLATILE AS
  $$ SELECT coalesce(nullif(current_setting('redshift_double.copied', true), ''), '0')::bigint $$;

-- "SVV_COLUMNS".
CREATE OR REPLACE VIEW public.svv_columns AS SELECT table_catalog, table_schema, table_name, column_name, ordinal_position, column_default,
  is_nullable, data_type, character_maximum_length, numeric_precision, numeric_scale FROM information_schema.columns;
GRANT SELECT ON public.svv_columns TO PUBLIC;

-- "SYS_LOAD_ERROR_DETAIL"; the proxy writes it by a connection of its own, so a row is there after a rollback.
CREATE TABLE IF NOT EXISTS public.sys_load_error_detail (table_name text, file_name text, line_number bigint, column_name text,
  error_code integer, error_message text, start_time timestamp DEFAULT now());
GRANT SELECT ON public.sys_load_error_detail TO PUBLIC;

-- "Character types": VARCHAR counts bytes, TEXT is VARCHAR(256). "Numeric types": NUMERIC is (18,0).
-- "Define primary key and foreign key constraints": keys are not enforced.
CREATE OR REPLACE FUNCTION redshift_double.bend() RETURNS event_trigger LANGUAGE plpgsql AS $$
DECLARE item record; made record;
BEGIN
  IF current_setting('redshift_double.bending', true) = 'on' THEN RETURN; END IF;
  PERFORM set_config('redshift_double.bending', 'on', true);
  FOR made IN SELECT DISTINCT objid FROM pg_event_trigger_ddl_commands() WHERE object_type IN ('table', 'table column') LOOP
    FOR item IN SELECT conname FROM pg_constraint WHERE conrelid = made.objid AND contype IN ('f', 'u', 'p') LOOP
      EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', made.objid::regclass, item.conname);
    END LOOP;
    FOR item IN SELECT attname, atttypid, atttypmod FROM pg_attribute WHERE attrelid = made.objid AND attnum > 0 AND NOT attisdropped LOOP
      IF item.atttypid = 'numeric'::regtype AND item.atttypmod = -1 THEN
        EXECUTE format('ALTER TABLE %s ALTER COLUMN %I TYPE numeric(18, 0)', made.objid::regclass, item.attname);
      ELSIF item.atttypid IN ('text'::regtype, 'varchar'::regtype) THEN
        IF item.atttypmod = -1 THEN
          EXECUTE format('ALTER TABLE %s ALTER COLUMN %I TYPE varchar(256)', made.objid::regclass, item.attname);
          item.atttypmod := 260;
        END IF;
        IF item.atttypmod - 4 > 65535 THEN RAISE EXCEPTION 'Length exceeds the limit of 65535 for varchar'; END IF;
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT IF EXISTS %I', made.objid::regclass, left('bytes_' || md5(item.attname), 40));
        EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I CHECK (octet_length(%I) <= %s)', made.objid::regclass,
          left('bytes_' || md5(item.attname), 40), item.attname, item.atttypmod - 4);
      END IF;
    END LOOP;
  END LOOP;
  PERFORM set_config('redshift_double.bending', 'off', true);
END $$;
DROP EVENT TRIGGER IF EXISTS redshift_double;
CREATE EVENT TRIGGER redshift_double ON ddl_command_end WHEN TAG IN ('CREATE TABLE', 'CREATE TABLE AS', 'ALTER TABLE')
  EXECUTE FUNCTION redshift_double.bend();
`;
